"""A front as JSON, CSV and Markdown."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.record.sweep import Candidate, Sweep
from analysis.views.front_table import rows_of
from analysis.views.words import arrow, num_decimals, recipe
from trainables.metrics.names import DEGENERATE, error_name, parse


def to_markdown(sweep: Sweep, /, *, runs_url: str, most: int = 12) -> str:
    """The base model, then the front, as a table in which each trial links to runs_url/RUN_ID.

    most: rows; the rest are counted.
    """
    front = sweep.front()
    decimals = [num_decimals([*front[g.name], sweep.base.get(g.name, 0.0)]) for g in sweep.goals]
    # In MLflow's interface there is room for a line of short words, if for any.
    short = [parse(goal.name).quantity for goal in sweep.goals]
    told = short if len(set(short)) == len(short) else [goal.name for goal in sweep.goals]
    heads = [
        f"{name}\N{NO-BREAK SPACE}{arrow(goal)}"
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
        remark += "*worse than the base model:* " if sweep.dominated_by_base(row) else ""
        lines.append([trial, *values(row), remark + recipe(sweep, row).replace("|", "\\|")])
    text = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    more = len(front) - most
    return text + (f"\n\n… and {more} more." if more > 0 else "")


def to_json(sweep: Sweep, /, *, every: bool = False) -> str:
    """A list of the front's members: trial, run_id, goals, metrics, params; finite numbers only.

    every: of all candidates instead.

    alpha: of weights between the base model and the trained one; null for the trial's own model.
    degenerate: whether language collapsed past the trial's guard; null where nothing watched it.
    dominated_by_base: whether the base model dominates it: the best of the sweep, and no gain.
    """
    goals = [goal.name for goal in sweep.goals]
    members = [
        {
            "trial": row["trial"],
            "alpha": Candidate.of(row).alpha,
            "run_id": row["run_id"],
            "degenerate": None if pd.isna(row.get(DEGENERATE)) else bool(row[DEGENERATE]),
            "loses_to_base": sweep.dominated_by_base(row),
            "goals": {name: row[name] for name in goals},
            "metrics": _given(row, _metrics(sweep)),
            "params": _given(row, sweep.params),
        }
        for row in rows_of(sweep, every).to_dict("records")
    ]
    return json.dumps(members, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_csv(sweep: Sweep, /, *, every: bool = False) -> str:
    """One line a member (or candidate): trial, alpha, run_id, seconds, goals, metrics, parameters."""
    columns = ["trial", "alpha", "run_id", "seconds", *_metrics(sweep), *sweep.params]
    return rows_of(sweep, every)[columns].to_csv(index=False, lineterminator="\n")


def _metrics(sweep: Sweep) -> list[str]:
    """The metrics of the record, goals first."""
    fixed = {"trial", "alpha", "state", "failure", "run_id", "seconds", *sweep.params}
    logged = [name for name in sweep.rows.columns if name not in fixed]
    return list(dict.fromkeys([*(goal.name for goal in sweep.goals), *logged]))


def _given(row: Mapping[Any, Any], names: list[str]) -> dict[str, Any]:
    return {name: row[name] for name in names if not pd.isna(row[name])}


def _value_and_error(row: Mapping[Any, Any], name: str, places: int) -> str:
    se = row.get(error_name(name), math.nan)
    error = (
        "" if pd.isna(se) or se == 0 else f"\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{se:.{places}f}"
    )
    return f"{row[name]:.{places}f}{error}"
