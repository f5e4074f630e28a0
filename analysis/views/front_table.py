"""The table of `sweep front`, for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from analysis.folding import Folded
from analysis.record.sweep import BASE, Candidate, Sweep
from analysis.stats.ties import ties
from analysis.views.front_words import (
    arrow,
    base_remark,
    cautions,
    counts,
    has_replicates,
    headline,
    marks,
    num_decimals,
    recipe,
    shown_error,
)
from trainables.metrics.interval import MEANING, visible
from trainables.metrics.names import SHORTFALL, parse
from trainables.schema.counted import counted

MAX_TIES = 4  # that a row names
TIED = "≈"
MEANING_OF_TIES = (
    f"{TIED} names what differs by less than noise in every goal, unpaired (compare is paired)"
)
MEANING_OF_REPLICATES = (
    "values are means over n seeds, ± holds items and seeds; with n = 1 it holds items alone"
)


def table(sweep: Sweep, /, *, every: bool = False) -> Table:
    """Return a table with a row for the base model, then one for each other member of the front.

    It has 80 columns with up to five goals. A row has the goals, with ± half their 95 % intervals, and
    the recipe, after what there is to say of the candidate. The number of replicates has a column if a
    recipe of the sweep has some.

    every: whether there is a row for every candidate instead.
    """
    rows = rows_of(sweep, every)
    shows_replicates = has_replicates(sweep)
    tied = ties(sweep, rows)
    shown = Table(
        title=escape(headline(sweep)),
        caption=escape("\n".join(_notes(sweep, every, tied, shows_replicates))),
        box=SIMPLE_HEAD,
        min_width=76,
    )
    shown.title_justify = shown.caption_justify = "left"
    shown.add_column("trial", justify="right", no_wrap=True)
    if shows_replicates:
        shown.add_column("n", justify="right", no_wrap=True)
    decimals = []
    for goal in sweep.goals:
        _, dataset, quantity = parse(goal.name)
        heading = f"{dataset}\n{quantity} {arrow(goal)}\n[dim]{escape(goal.unit)}[/dim]"
        shown.add_column(Folded(heading), justify="right", overflow="fold")
        decimals.append(num_decimals([*rows[goal.name], sweep.base.get(goal.name, 0.0)]))
    shown.add_column("recipe", ratio=1)

    def goal_cells(row: Mapping[Any, Any]) -> list[str]:
        return [
            _with_error(row, goal.name, places) if goal.name in row else "–"
            for goal, places in zip(sweep.goals, decimals, strict=True)
        ]

    remark = ": ".join(filter(None, ["the model before training", base_remark(sweep)]))
    cells = [BASE, *([""] if shows_replicates else []), *goal_cells(sweep.base)]
    words = Folded(f"[dim]{remark}[/dim]{_ties(tied.get(BASE, []))}")
    shown.add_row(*cells, words, end_section=True)
    for row in rows.to_dict("records"):
        name = str(Candidate.of(row))
        replicates = [str(row["replicates"])] if shows_replicates else []
        words = Folded(_recipe(sweep, row, every) + _ties(tied[name]))
        shown.add_row(name, *replicates, *goal_cells(row), words)
    return shown


def rows_of(sweep: Sweep, every: bool) -> pd.DataFrame:
    """Return the rows of every candidate of a sweep, or of its front alone, without the base."""
    return sweep.candidates() if every else sweep.front()


def _recipe(sweep: Sweep, row: Mapping[Any, Any], every: bool) -> str:
    """Return the recipe of a candidate as markup of rich, after its marks.

    every: whether rows that are on the front are marked as such, too.
    """
    found = [f"[red]{mark}[/red]" for mark in marks(row)]
    if every and row["front"]:
        found.insert(0, "[green]on the front[/green]")
    markup = " · ".join([*found, escape(recipe(sweep, row))])
    if (num_missing := row.get(SHORTFALL, 0)) > 0:
        markup += f" · [red]{counted(round(num_missing), 'replayed text')} short[/red]"
    return markup


def _ties(names: Sequence[str]) -> str:
    """Return the names that a candidate is tied with, as markup of rich; empty if there are none."""
    if not names:
        return ""
    more = " …" if len(names) > MAX_TIES else ""
    return f" [dim]{TIED} {', '.join(names[:MAX_TIES])}{more}[/dim]"


def _with_error(row: Mapping[Any, Any], name: str, places: int) -> str:
    """Return the value of a metric with so many decimals, and below it ± half its 95 % interval."""
    error = shown_error(row, name, f".{places}f", space="")
    return visible(row[name], f".{places}f") + (f"\n[dim]{error}[/dim]" if error else "")


def _notes(
    sweep: Sweep, every: bool, tied: Mapping[str, Sequence[str]], shows_replicates: bool
) -> list[str]:
    """Return the lines below the table."""
    counted = counts(sweep)
    return [
        MEANING,
        *([MEANING_OF_REPLICATES] if shows_replicates else []),
        *([MEANING_OF_TIES] if any(tied.values()) else []),
        *([counted if every else f"{counted} (--all)"] if counted else []),
        *cautions(sweep),
        _states(sweep),
    ]


def _states(sweep: Sweep) -> str:
    """Return the state of a sweep and the number of its trials in each state, in a line."""
    counts = sweep.trials["state"].value_counts()
    return f"{sweep.state}: " + (
        ", ".join(f"{count} {state}" for state, count in counts.items()) or "no trials yet"
    )
