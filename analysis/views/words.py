"""A front in words: its headline, the recipe of a member, numbers as short as they go."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.record.sweep import Sweep
from trainables.metrics.metric import Metric


def headline(sweep: Sweep, /) -> str:
    """One line: how many are on the front, of how many, and the hypervolume."""
    return (
        f"{sweep.name}: {len(sweep.front())} of {len(sweep.candidates())} candidates on the front, "
        f"hypervolume {sweep.hypervolume():.3f}"
    )


def recipe(sweep: Sweep, row: Mapping[Any, Any], /) -> str:
    """The swept parameters of one row in a few words: `cda two · kl_to_base 0.03 · lr 2e-5`.

    Each part of the configuration leads with the name of what was chosen, or with its own; `train`
    is left out, for its parameters speak for themselves. Two digits: the exact ones are in the YAML.
    """
    swept = set(sweep.swept)
    words = []
    for part in dict.fromkeys(name.rpartition(".")[0] for name in sweep.params if name in swept):
        given = {
            name.removeprefix(f"{part}."): row[name]
            for name in sweep.params
            if name in swept and name.rpartition(".")[0] == part and not pd.isna(row[name])
        }
        chosen = row.get(f"{part}.name")
        given.pop("name", None)
        if part in ("", "train"):
            words += [f"{leaf} {number(value, digits=2)}" for leaf, value in given.items()]
        elif chosen == "none":
            words.append(f"no {part}")
        elif given or not pd.isna(chosen):
            # One number needs no name; of two nobody could tell which is which.
            alone = len(given) == 1
            values = [_value(leaf, value, alone) for leaf, value in given.items()]
            values = [word for word in values if word]
            words.append(" ".join([part if pd.isna(chosen) else str(chosen), *values]))
    return " · ".join(words)


def _value(leaf: str, value: Any, alone: bool) -> str:
    """A switch is named where it is on; what is off or empty goes without saying."""
    if str(value) in ("False", "None", ""):
        return ""
    if str(value) == "True":
        return leaf
    return f"{'' if alone else leaf + ' '}{number(value, digits=2)}"


def number(value: Any, /, *, digits: int = 3) -> str:
    """As short as it goes: 0.03, 2e-5, 1200; words stay as they are."""
    if not isinstance(value, float):
        return str(value)
    if abs(value) < 1e6 and (value == round(value) or abs(value) >= 10**digits):
        return f"{value:.0f}"
    short = float(f"{value:.{digits}g}")
    mantissa, _, exponent = np.format_float_scientific(short, trim="-").partition("e")
    return min(f"{short:g}", f"{mantissa}e{int(exponent)}", key=len)


def num_decimals(values: list[float]) -> int:
    """Decimals that show three digits of the largest, so that points stand below each other."""
    largest = max(map(abs, values))
    return max(0, 2 - math.floor(math.log10(largest))) if largest else 0


def arrow(goal: Metric) -> str:
    return {"lower": "↓", "higher": "↑", "nearer": f"→{number(goal.ideal)}"}[goal.better]
