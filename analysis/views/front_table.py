"""The table of `sweep front`, for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from analysis.record.sweep import Candidate, Sweep
from analysis.views.front_words import arrow, headline, num_decimals, recipe, shown_error
from trainables.metrics.interval import MEANING
from trainables.metrics.names import DEGENERATE, SHORTFALL, parse


def table(sweep: Sweep, /, *, every: bool = False) -> Table:
    """Return a table with a row for the base model, then one for each member of the front.

    It has 80 columns with up to five goals. A row has the goals, with ± half their 95 % intervals, and
    the recipe.

    every: whether there is a row for every candidate instead.
    """
    rows = rows_of(sweep, every)
    shown = Table(
        title=escape(headline(sweep)),
        caption=f"{MEANING}\n{_states(sweep)}",
        box=SIMPLE_HEAD,
        min_width=76,
    )
    shown.title_justify = shown.caption_justify = "left"
    shown.add_column("trial", justify="right", no_wrap=True)
    decimals = []
    for goal in sweep.goals:
        _, dataset, quantity = parse(goal.name)
        heading = f"{dataset}\n{quantity} {arrow(goal)}\n[dim]{escape(goal.unit)}[/dim]"
        shown.add_column(heading, justify="right", overflow="fold")
        decimals.append(num_decimals([*rows[goal.name], sweep.base.get(goal.name, 0.0)]))
    shown.add_column("recipe", overflow="fold", ratio=1)

    def goal_cells(row: Mapping[Any, Any]) -> list[str]:
        return [
            _with_error(row, goal.name, places) if goal.name in row else "–"
            for goal, places in zip(sweep.goals, decimals, strict=True)
        ]

    before_training = "[dim]the model before training[/dim]"
    shown.add_row("base", *goal_cells(sweep.base), before_training, end_section=True)
    for row in rows.to_dict("records"):
        shown.add_row(str(Candidate.of(row)), *goal_cells(row), _recipe(sweep, row))
    return shown


def rows_of(sweep: Sweep, every: bool) -> pd.DataFrame:
    """Return the rows of every candidate of a sweep, or of its front alone."""
    return sweep.candidates() if every else sweep.front()


def _recipe(sweep: Sweep, row: Mapping[Any, Any]) -> str:
    """Return the recipe of a candidate as markup of rich, with warnings about the candidate."""
    markup = escape(recipe(sweep, row))
    if row.get(DEGENERATE) == 1:
        markup = f"[red]degenerate[/red] · {markup}"
    if (num_missing := row.get(SHORTFALL, 0)) > 0:
        markup += f" · [red]{num_missing:.0f} replayed texts short[/red]"
    if sweep.dominated_by_base(row):
        markup = f"[dim]worse than the base model:[/dim] {markup}"
    return markup


def _with_error(row: Mapping[Any, Any], name: str, places: int) -> str:
    """Return the value of a metric with so many decimals, and below it ± half its 95 % interval."""
    error = shown_error(row, name, f".{places}f", space="")
    return f"{row[name]:.{places}f}" + (f"\n[dim]{error}[/dim]" if error else "")


def _states(sweep: Sweep) -> str:
    """Return the state of a sweep and the number of its trials in each state, in a line."""
    counts = sweep.trials["state"].value_counts()
    return f"{sweep.state}: " + (
        ", ".join(f"{count} {state}" for state, count in counts.items()) or "no trials yet"
    )
