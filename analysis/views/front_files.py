"""A front as JSON, CSV and Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.formats.writing import csv_text
from analysis.record.candidate import BASE, Candidate
from analysis.record.sweep import Sweep
from analysis.record.table import error_of
from analysis.stats.ties import Ties, ties
from analysis.views.front_words import (
    MEANING_OF_REPLICATES,
    about_base,
    arrow,
    cautions,
    counts,
    goal_cells,
    goal_decimals,
    has_replicates,
    marks,
    recipe,
    rows_of,
)
from trainables.metrics.bounds import ANY, Bounds
from trainables.metrics.interval import MEANING, interval
from trainables.metrics.names import DEGENERATE, parse
from trainables.schema.text.escaping import in_markdown

STATE_OF_BASE = "untrained"  # in the place of the state of a trial
CSV_HEAD = [
    *("name", "trial", "alpha", "run_id", "replicates", "trials", "state", "front", "feasible"),
    *("degenerate", "loses_to_base", "failed_seeds", "tied_with", "maybe_tied_with", "seconds"),
]


def to_markdown(sweep: Sweep, /, *, runs_url: str, max_rows: int = 12) -> str:
    """Return a Markdown table with a row for the base model, then one for each member of the front.

    Lines below it count those that have no row, and hold what there is to say of the goals.

    Args:
        runs_url: the number of each trial links to runs_url/RUN_ID.
        max_rows: members that get a row; a line below the table counts the rest.
    """
    front = sweep.front()
    decimals = goal_decimals(sweep, front)
    # MLflow's page has room for short headings only: the last part of the metric's name, if it will do.
    short_names = [parse(goal.name).quantity for goal in sweep.goals]
    are_unique = len(set(short_names)) == len(short_names)
    names = short_names if are_unique else [goal.name for goal in sweep.goals]
    headings = [
        f"{in_markdown(name)}\N{NO-BREAK SPACE}{arrow(goal)}"
        for name, goal in zip(names, sweep.goals, strict=True)
    ]
    counted_columns = ["n"] if has_replicates(sweep) else []
    head = ["trial", *counted_columns, *headings, "recipe"]
    lines = [head, ["---:"] * (len(head) - 1) + ["---"]]

    def values(row: Mapping[Any, Any]) -> list[str]:
        """Return the values of the goals, each with half its interval on the same line."""
        space = "\N{NO-BREAK SPACE}"
        return [space.join(texts) for texts in goal_cells(sweep, row, decimals, space)]

    lines.append([BASE, *("" for _ in counted_columns), *values(sweep.base), about_base(sweep)])
    for row in front.head(max_rows).to_dict("records"):
        trial = f"[{Candidate.of(row)}]({runs_url}/{row['run_id']})"
        number = [str(row["replicates"]) for _ in counted_columns]
        words = [*(f"**{mark}**" for mark in marks(row)), in_markdown(recipe(sweep, row))]
        lines.append([trial, *number, *values(row), " · ".join(filter(None, words))])
    num_more = len(front) - max_rows
    paragraphs = [
        "\n".join(f"| {' | '.join(cells)} |" for cells in lines),
        f"… and {num_more} more." if num_more > 0 else "",
        f"{MEANING}{f'; {MEANING_OF_REPLICATES}' if counted_columns else ''}.",
        f"{text}." if (text := counts(sweep)) else "",
        *map(in_markdown, cautions(sweep)),
    ]
    return "\n\n".join(filter(None, paragraphs))


def to_json(sweep: Sweep, /, *, every: bool = False) -> str:
    """Return a JSON list with an object for each member of the front; numbers are finite.

    The base model is the first if it is on the front.

    Keys:
        name: of the candidate: `base`, the number of the first trial of the recipe, or NUMBER@ALPHA.
        trial, run_id: that number, null for the base model, and MLflow's id of that run.
        alpha: the α of its weights between the base model and the trained one; null for the trial's
            own model.
        trials: numbers of the replicates, over which the values are means.
        front: whether it is a member.
        state: `complete`, `pruned` (stopped early), or `untrained` for the base model.
        feasible: whether it keeps every constraint.
        degenerate: whether the language of a replicate collapsed past the guard; null if that was not
            measured.
        loses_to_base: whether the base model dominates it.
        failed_seeds: number of seeds with which the recipe failed; the means lack them.
        tied_with: names of the members that differ from it by less than noise in every goal.
        maybe_tied_with: names of those of which that is not known, as an error is not known.
        goals, metrics, params: name -> value; goals are among the metrics, and so are standard errors
            and their degrees of freedom. The seed is missing if it differs between replicates.
        intervals: name -> [low, high], the 95 % interval of each metric that has a standard error, cut
            where its possible values end.

    Args:
        every: whether the list has every candidate instead, the base model first if it was measured.
    """
    rows = rows_of(sweep, every)
    goals = [goal.name for goal in sweep.goals]
    tied = ties(sweep, rows)
    members = [_base_entry(sweep, tied)] if _lists_base(sweep, every) else []
    for row in rows.to_dict("records"):
        candidate = Candidate.of(row)
        members.append(
            {
                "name": str(candidate),
                "trial": candidate.trial,
                "alpha": candidate.alpha,
                "run_id": row["run_id"],
                "trials": list(row["trials"]),
                "front": bool(row["front"]),
                "state": row["state"],
                "feasible": bool(row["feasible"]),
                "degenerate": None if pd.isna(row.get(DEGENERATE)) else row[DEGENERATE] > 0,
                "loses_to_base": bool(row["loses_to_base"]),
                "failed_seeds": row["failed_seeds"],
                "tied_with": tied[str(candidate)].tied,
                "maybe_tied_with": tied[str(candidate)].maybe,
                "goals": {name: row[name] for name in goals},
                "metrics": _known(row, sweep.logged),
                "intervals": _intervals(sweep, row, sweep.logged),
                "params": _known(row, sweep.params),
            }
        )
    return json.dumps(members, indent=2, allow_nan=False) + "\n"


def _base_entry(sweep: Sweep, tied: Mapping[str, Ties]) -> dict[str, Any]:
    """Return the object of the base model in the JSON list."""
    names = [name for name in sweep.logged if name in sweep.base]
    return {
        "name": BASE,
        "trial": None,
        "alpha": None,
        "run_id": sweep.run_id,
        "trials": [],
        "front": sweep.base_standing == "on the front",
        "state": STATE_OF_BASE,
        "feasible": sweep.base_standing != "beyond a constraint",
        "degenerate": None if DEGENERATE not in sweep.base else sweep.base[DEGENERATE] > 0,
        "loses_to_base": False,
        "failed_seeds": 0,
        "tied_with": tied[BASE].tied,
        "maybe_tied_with": tied[BASE].maybe,
        "goals": {goal.name: sweep.base[goal.name] for goal in sweep.goals},
        "metrics": {name: sweep.base[name] for name in names},
        "intervals": _intervals(sweep, sweep.base, names),
        "params": {},
    }


def _lists_base(sweep: Sweep, every: bool) -> bool:
    """Return whether a list of the front, or of every candidate, has the base model."""
    return sweep.base_standing == "on the front" or (
        every and sweep.base_standing != "not measured"
    )


def to_csv(sweep: Sweep, /, *, every: bool = False) -> str:
    """Return CSV with a line for each member of the front, below a line of headings.

    Columns: name, trial, alpha, run_id, replicates, trials, state, front, feasible, degenerate,
    loses_to_base, failed_seeds, tied_with, maybe_tied_with and seconds, then goals, other metrics,
    low/NAME and high/NAME, the ends of the 95 % interval of each metric that has a standard error, and
    parameters.
    They mean what `to_json` says; a list is numbers or names between blanks.

    every: whether there is a line for every candidate instead.
    """
    table = rows_of(sweep, every)
    seconds = table["seconds"].tolist()
    if _lists_base(sweep, every):
        seconds.insert(0, None)
    rows = []
    for entry, duration in zip(json.loads(to_json(sweep, every=every)), seconds, strict=True):
        trials = entry["trials"]
        row = {"name": entry["name"], "trial": entry["trial"], "alpha": entry["alpha"]}
        row |= {"run_id": entry["run_id"], "replicates": len(trials) or None}
        row |= {"trials": " ".join(map(str, trials)), "state": entry["state"]}
        row |= {name: entry[name] for name in ("front", "feasible", "degenerate", "loses_to_base")}
        row |= {"failed_seeds": entry["failed_seeds"]}
        row |= {name: " ".join(entry[name]) for name in ("tied_with", "maybe_tied_with")}
        row |= {"seconds": duration} | entry["metrics"]
        for side, place in (("low", 0), ("high", 1)):
            row |= {f"{side}/{name}": ends[place] for name, ends in entry["intervals"].items()}
        rows.append(row | entry["params"])
    ends = [
        f"{side}/{name}"
        for name in sweep.logged
        for side in ("low", "high")
        if any(f"{side}/{name}" in row for row in rows)
    ]
    columns = [*CSV_HEAD, *sweep.logged, *ends, *sweep.params]
    frame = pd.DataFrame(rows, columns=columns, dtype=object)  # whole numbers stay whole
    return csv_text(frame)


def _known(row: Mapping[Any, Any], names: list[str]) -> dict[str, Any]:
    """Return the values of these columns of a row, by column, without those that are missing."""
    return {name: row[name] for name in names if not pd.isna(row[name])}


def _intervals(sweep: Sweep, row: Mapping[Any, Any], names: list[str]) -> dict[str, list[float]]:
    """Return [low, high] of each metric of a row that has a value and a standard error, by its name."""

    def bounds_of(name: str) -> Bounds:
        return sweep.metrics[name].bounds if name in sweep.metrics else ANY

    intervals = {
        name: interval(row[name], *error_of(row, name), bounds_of(name))
        for name in names
        if not pd.isna(row[name])
    }
    return {name: list(ends) for name, ends in intervals.items() if ends is not None}
