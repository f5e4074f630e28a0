"""A front as JSON, CSV and Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.record.sweep import Candidate, Sweep
from analysis.views.front_table import rows_of
from analysis.views.front_words import arrow, error_of, num_decimals, recipe, shown_error
from trainables.metrics.interval import MEANING, interval
from trainables.metrics.names import DEGENERATE, parse


def to_markdown(sweep: Sweep, /, *, runs_url: str, max_rows: int = 12) -> str:
    """Return a Markdown table with a row for the base model, then one for each member of the front.

    Args:
        runs_url: the number of each trial links to runs_url/RUN_ID.
        max_rows: members that get a row; a line below the table counts the rest.
    """
    front = sweep.front()
    decimals = [num_decimals([*front[g.name], sweep.base.get(g.name, 0.0)]) for g in sweep.goals]
    # MLflow's page has room for short headings only: the last part of the metric's name, if it will do.
    short_names = [parse(goal.name).quantity for goal in sweep.goals]
    are_unique = len(set(short_names)) == len(short_names)
    names = short_names if are_unique else [goal.name for goal in sweep.goals]
    headings = [
        f"{name}\N{NO-BREAK SPACE}{arrow(goal)}"
        for name, goal in zip(names, sweep.goals, strict=True)
    ]
    lines = [["trial", *headings, "recipe"], ["---:"] * (len(headings) + 1) + ["---"]]

    def goal_cells(row: Mapping[Any, Any]) -> list[str]:
        return [
            _value_and_error(row, goal.name, places) if goal.name in row else "–"
            for goal, places in zip(sweep.goals, decimals, strict=True)
        ]

    lines.append(["base", *goal_cells(sweep.base), "the model before training"])
    for row in front.head(max_rows).to_dict("records"):
        trial = f"[{Candidate.of(row)}]({runs_url}/{row['run_id']})"
        remark = "**degenerate** · " if row.get(DEGENERATE) == 1 else ""
        remark += "*worse than the base model:* " if sweep.dominated_by_base(row) else ""
        cells = goal_cells(row)
        lines.append([trial, *cells, remark + recipe(sweep, row).replace("|", "\\|")])
    text = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    num_more = len(front) - max_rows
    return text + (f"\n\n… and {num_more} more." if num_more > 0 else "") + f"\n\n{MEANING}."


def to_json(sweep: Sweep, /, *, every: bool = False) -> str:
    """Return a JSON list with an object for each member of the front; numbers are finite.

    Keys:
        trial, run_id: the number of its trial, and MLflow's id of that trial's run.
        alpha: the α of its weights between the base model and the trained one; null for the trial's
            own model.
        degenerate: whether language collapsed past the trial's guard; null if that was not measured.
        loses_to_base: whether the base model dominates it: it is on the front, and no gain.
        goals, metrics, params: name -> value; goals are among the metrics, and so are standard errors
            and their degrees of freedom.
        intervals: name -> [low, high], the 95 % interval of each metric that has a standard error.

    Args:
        every: whether the list has every candidate instead.
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
            "metrics": _known(row, metric_columns(sweep)),
            "intervals": _intervals(sweep, row),
            "params": _known(row, sweep.params),
        }
        for row in rows_of(sweep, every).to_dict("records")
    ]
    return json.dumps(members, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_csv(sweep: Sweep, /, *, every: bool = False) -> str:
    """Return CSV with a line for each member of the front, below a line of headings.

    Columns: trial, alpha, run_id, seconds, then goals, other metrics, low/NAME and high/NAME, the ends
    of the 95 % interval of each metric that has a standard error, and parameters.

    every: whether there is a line for every candidate instead.
    """
    rows = rows_of(sweep, every)
    ends = pd.DataFrame(
        [
            {
                f"{side}/{name}": end
                for name, ends in _intervals(sweep, row).items()
                for side, end in zip(("low", "high"), ends, strict=True)
            }
            for row in rows.to_dict("records")
        ],
        index=rows.index,
    )
    names = [*metric_columns(sweep), *ends.columns]
    columns = ["trial", "alpha", "run_id", "seconds", *names, *sweep.params]
    return rows.join(ends)[columns].to_csv(index=False, lineterminator="\n")


def metric_columns(sweep: Sweep) -> list[str]:
    """Return the columns of `Sweep.rows` that are metrics, their errors or df of these, goals first."""
    others = {"trial", "alpha", "state", "failure", "run_id", "seconds", *sweep.params}
    logged = [name for name in sweep.rows.columns if name not in others]
    return list(dict.fromkeys([*(goal.name for goal in sweep.goals), *logged]))


def _known(row: Mapping[Any, Any], names: list[str]) -> dict[str, Any]:
    """Return the values of these columns of a row, by column, without those that are missing."""
    return {name: row[name] for name in names if not pd.isna(row[name])}


def _intervals(sweep: Sweep, row: Mapping[Any, Any]) -> dict[str, list[float]]:
    """Return [low, high] of each metric of a row that has a value and a standard error, by its name."""
    intervals = {
        name: interval(row[name], *error_of(row, name))
        for name in metric_columns(sweep)
        if not pd.isna(row[name])
    }
    return {name: list(ends) for name, ends in intervals.items() if ends is not None}


def _value_and_error(row: Mapping[Any, Any], name: str, places: int) -> str:
    """Return the value of a metric with so many decimals, ± half its 95 % interval, on one line."""
    space = "\N{NO-BREAK SPACE}"
    error = shown_error(row, name, f".{places}f", space)
    return f"{row[name]:.{places}f}" + (space + error if error else "")
