"""What `sweep front NAME` shows: the recipes that nothing beats, as a table, JSON and CSV."""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from analysis.runs import Candidate, Sweep
from trainables.metric_names import DEGENERATE, SHORTFALL, error_name, parse
from trainables.metrics import Metric


def table(sweep: Sweep, /, *, every: bool = False) -> Table:
    """The front (or every candidate), the base model first; fits in 80 columns up to five goals."""
    front = _rows(sweep, every)
    shown = Table(
        title=escape(headline(sweep)), caption=_states(sweep), box=SIMPLE_HEAD, min_width=76
    )
    shown.title_justify = shown.caption_justify = "left"
    shown.add_column("trial", justify="right", no_wrap=True)
    decimals = []
    for goal in sweep.goals:
        _, dataset, quantity = parse(goal.name)
        heading = f"{dataset}\n{quantity} {_arrow(goal)}\n[dim]{escape(goal.unit)}[/dim]"
        shown.add_column(heading, justify="right", overflow="fold")
        decimals.append(_decimals([*front[goal.name], sweep.base.get(goal.name, 0.0)]))
    shown.add_column("recipe", overflow="fold", ratio=1)

    def values(row: Mapping[Any, Any]) -> list[str]:
        return [
            _with_error(row, goal.name, places) if goal.name in row else "–"
            for goal, places in zip(sweep.goals, decimals, strict=True)
        ]

    before = "[dim]the model before training[/dim]"
    shown.add_row("base", *values(sweep.base), before, end_section=True)
    for row in front.to_dict("records"):
        words = escape(recipe(sweep, row))
        if row.get(DEGENERATE) == 1:
            words = f"[red]degenerate[/red] · {words}"
        if (lacking := row.get(SHORTFALL, 0)) > 0:
            words += f" · [red]{lacking:.0f} replayed texts short[/red]"
        if sweep.loses_to_base(row):
            words = f"[dim]worse than the base model:[/dim] {words}"
        shown.add_row(str(Candidate.of(row)), *values(row), words)
    return shown


def to_markdown(sweep: Sweep, /, *, runs_url: str, most: int = 12) -> str:
    """The base model, then the front, as a table in which each trial links to runs_url/RUN_ID.

    most: rows; the rest are counted.
    """
    front = sweep.front()
    decimals = [_decimals([*front[g.name], sweep.base.get(g.name, 0.0)]) for g in sweep.goals]
    # In MLflow's interface there is room for a line of short words, if for any.
    short = [parse(goal.name).quantity for goal in sweep.goals]
    told = short if len(set(short)) == len(short) else [goal.name for goal in sweep.goals]
    heads = [
        f"{name}\N{NO-BREAK SPACE}{_arrow(goal)}"
        for name, goal in zip(told, sweep.goals, strict=True)
    ]
    lines = [["trial", *heads, "recipe"], ["---:"] * (len(heads) + 1) + ["---"]]

    def values(row: Mapping[Any, Any]) -> list[str]:
        return [
            _value_and_error(row, goal.name, places) if goal.name in row else "–"
            for goal, places in zip(sweep.goals, decimals, strict=True)
        ]

    lines.append(["base", *values(sweep.base), "the model before training"])
    for row in front.head(most).to_dict("records"):
        trial = f"[{Candidate.of(row)}]({runs_url}/{row['run_id']})"
        remark = "**degenerate** · " if row.get(DEGENERATE) == 1 else ""
        remark += "*worse than the base model:* " if sweep.loses_to_base(row) else ""
        lines.append([trial, *values(row), remark + recipe(sweep, row).replace("|", "\\|")])
    text = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    more = len(front) - most
    return text + (f"\n\n… and {more} more." if more > 0 else "")


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


def to_json(sweep: Sweep, /, *, every: bool = False) -> str:
    """A list of the front's members: trial, run_id, goals, metrics, params; finite numbers only.

    every: of all candidates instead.

    alpha: of weights between the base model and the trained one; null for the trial's own model.
    degenerate: whether language collapsed past the trial's guard; null where nothing watched it.
    loses_to_base: whether the base model dominates it: the best of the sweep, and no gain.
    """
    goals = [goal.name for goal in sweep.goals]
    members = [
        {
            "trial": row["trial"],
            "alpha": Candidate.of(row).alpha,
            "run_id": row["run_id"],
            "degenerate": None if pd.isna(row.get(DEGENERATE)) else bool(row[DEGENERATE]),
            "loses_to_base": sweep.loses_to_base(row),
            "goals": {name: row[name] for name in goals},
            "metrics": _given(row, _metrics(sweep)),
            "params": _given(row, sweep.params),
        }
        for row in _rows(sweep, every).to_dict("records")
    ]
    return json.dumps(members, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_csv(sweep: Sweep, /, *, every: bool = False) -> str:
    """One line a member (or candidate): trial, alpha, run_id, seconds, goals, metrics, parameters."""
    columns = ["trial", "alpha", "run_id", "seconds", *_metrics(sweep), *sweep.params]
    return _rows(sweep, every)[columns].to_csv(index=False, lineterminator="\n")


def _rows(sweep: Sweep, every: bool) -> pd.DataFrame:
    return sweep.candidates() if every else sweep.front()


def _metrics(sweep: Sweep) -> list[str]:
    """The metrics of the record, goals first."""
    fixed = {"trial", "alpha", "state", "failure", "run_id", "seconds", *sweep.params}
    logged = [name for name in sweep.models.columns if name not in fixed]
    return list(dict.fromkeys([*(goal.name for goal in sweep.goals), *logged]))


def _given(row: Mapping[Any, Any], names: list[str]) -> dict[str, Any]:
    return {name: row[name] for name in names if not pd.isna(row[name])}


def _value_and_error(row: Mapping[Any, Any], name: str, places: int) -> str:
    se = row.get(error_name(name), math.nan)
    error = (
        "" if pd.isna(se) or se == 0 else f"\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{se:.{places}f}"
    )
    return f"{row[name]:.{places}f}{error}"


def _with_error(row: Mapping[Any, Any], name: str, places: int) -> str:
    se = row.get(error_name(name), math.nan)
    error = "" if pd.isna(se) or se == 0 else f"\n[dim]±{se:.{places}f}[/dim]"
    return f"{row[name]:.{places}f}{error}"


def _decimals(values: list[float]) -> int:
    """Decimals that show three digits of the largest, so that points stand below each other."""
    largest = max(map(abs, values))
    return max(0, 2 - math.floor(math.log10(largest))) if largest else 0


def _arrow(goal: Metric) -> str:
    return {"lower": "↓", "higher": "↑", "nearer": f"→{number(goal.ideal)}"}[goal.better]


def _states(sweep: Sweep) -> str:
    counts = sweep.trials["state"].value_counts()
    return f"{sweep.state}: " + (
        ", ".join(f"{count} {state}" for state, count in counts.items()) or "no trials yet"
    )
