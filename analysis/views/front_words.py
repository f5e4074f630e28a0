"""A front in words: its headline, the recipe of a candidate, numbers with as few digits as suffice."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.record.sweep import Sweep
from trainables.metrics.interval import UNKNOWN_DF, plus_minus
from trainables.metrics.metric import Metric
from trainables.metrics.names import df_name, error_name


def headline(sweep: Sweep, /) -> str:
    """Return one line: the number of candidates on the front and in all, and the hypervolume."""
    return (
        f"{sweep.name}: {len(sweep.front())} of {len(sweep.candidates())} candidates on the front, "
        f"hypervolume {sweep.hypervolume():.3f}"
    )


def recipe(sweep: Sweep, row: Mapping[Any, Any], /) -> str:
    """Return the searched parameters of a candidate in a line: `cda two · kl_to_base 0.03 · lr 2e-5`.

    There is an entry for each section of the configuration, as `objective`. It begins with the name
    that was chosen for the section, or else with the name of the section, and its values follow. The
    parameters of `train` are entries of their own. Numbers have two digits; the YAML has all.

    row: a row of `Sweep.rows`.
    """
    entries = []
    for section in dict.fromkeys(name.rpartition(".")[0] for name in sweep.swept):
        settings = {
            name.removeprefix(f"{section}."): row[name]
            for name in sweep.swept
            if name.rpartition(".")[0] == section and not pd.isna(row[name])
        }
        chosen = row.get(f"{section}.name")
        settings.pop("name", None)
        if section in ("", "train"):
            entries += [f"{key} {number(value, digits=2)}" for key, value in settings.items()]
        elif chosen == "none":
            entries.append(f"no {section}")
        elif settings or not pd.isna(chosen):
            is_alone = len(settings) == 1
            values = [_setting(key, value, is_alone) for key, value in settings.items()]
            heading = section if pd.isna(chosen) else str(chosen)
            entries.append(" ".join([heading, *filter(None, values)]))
    return " · ".join(entries)


def _setting(key: str, value: Any, is_alone: bool) -> str:
    """Return a setting as `KEY VALUE`, or as VALUE if it is the only one of its section.

    A switch is its key if it is on. A switch that is off, and an empty value, are an empty text.
    """
    if str(value) in ("False", "None", ""):
        return ""
    if str(value) == "True":
        return key
    return f"{'' if is_alone else key + ' '}{number(value, digits=2)}"


def number(value: Any, /, *, digits: int = 3) -> str:
    """Return a number rounded to some digits, in the shortest form; anything else as its text.

    Digits before the point are never rounded below 1,000,000.

    >>> number(0.03), number(2e-5), number(1234.5), number("cda")
    ('0.03', '2e-5', '1234', 'cda')
    """
    if not isinstance(value, float):
        return str(value)
    if abs(value) < 1e6 and (value == round(value) or abs(value) >= 10**digits):
        return f"{value:.0f}"
    short = float(f"{value:.{digits}g}")
    mantissa, _, exponent = np.format_float_scientific(short, trim="-").partition("e")
    return min(f"{short:g}", f"{mantissa}e{int(exponent)}", key=len)


def num_decimals(values: list[float]) -> int:
    """Return how many decimals show three digits of the largest value, for a column of numbers.

    With the same decimals in every row, the decimal points stand below each other.

    >>> num_decimals([0.05, 1.25]), num_decimals([0.05, 125.0])
    (2, 0)
    """
    largest = max(map(abs, values))
    return max(0, 2 - math.floor(math.log10(largest))) if largest else 0


def error_of(row: Mapping[Any, Any], metric: str) -> tuple[float | None, float | None]:
    """Return (standard error, its degrees of freedom) of a metric in a row of `Sweep.rows`.

    They are as `plus_minus` of trainables/metrics/interval.py takes them: None where none is recorded,
    for a standard error of 0, and for one of an earlier step of a trial whose last error is not known.
    """
    recorded = (row.get(name(metric), math.nan) for name in (error_name, df_name))
    se, df = (None if pd.isna(value) else float(value) for value in recorded)
    return None if df == UNKNOWN_DF else se or None, df


def shown_error(row: Mapping[Any, Any], metric: str, form: str, space: str = " ") -> str:
    """Return `± HALF`, half the 95 % interval of a metric in a row; `± ?` if unknown; empty if exact.

    row: a row of `Sweep.rows`, or the values of the base model.
    form: the format of HALF. space: what stands after ±.
    """
    return plus_minus(*error_of(row, metric), form, space)


def arrow(goal: Metric) -> str:
    """Return the direction in which a goal is better: `↓`, `↑`, or `→` and the ideal."""
    return {"lower": "↓", "higher": "↑", "nearer": f"→{number(goal.ideal)}"}[goal.better]
