"""What `sweep front NAME` shows: the recipes that nothing beats, as a table, JSON and CSV."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from analysis.record.sweep import Candidate, Sweep
from analysis.views.words import arrow, headline, num_decimals, recipe
from trainables.metrics.names import DEGENERATE, SHORTFALL, error_name, parse


def table(sweep: Sweep, /, *, every: bool = False) -> Table:
    """The front (or every candidate), the base model first; fits in 80 columns up to five goals."""
    front = rows_of(sweep, every)
    shown = Table(
        title=escape(headline(sweep)), caption=_states(sweep), box=SIMPLE_HEAD, min_width=76
    )
    shown.title_justify = shown.caption_justify = "left"
    shown.add_column("trial", justify="right", no_wrap=True)
    decimals = []
    for goal in sweep.goals:
        _, dataset, quantity = parse(goal.name)
        heading = f"{dataset}\n{quantity} {arrow(goal)}\n[dim]{escape(goal.unit)}[/dim]"
        shown.add_column(heading, justify="right", overflow="fold")
        decimals.append(num_decimals([*front[goal.name], sweep.base.get(goal.name, 0.0)]))
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
        if sweep.dominated_by_base(row):
            words = f"[dim]worse than the base model:[/dim] {words}"
        shown.add_row(str(Candidate.of(row)), *values(row), words)
    return shown


def rows_of(sweep: Sweep, every: bool) -> pd.DataFrame:
    return sweep.candidates() if every else sweep.front()


def _with_error(row: Mapping[Any, Any], name: str, places: int) -> str:
    se = row.get(error_name(name), math.nan)
    error = "" if pd.isna(se) or se == 0 else f"\n[dim]±{se:.{places}f}[/dim]"
    return f"{row[name]:.{places}f}{error}"


def _states(sweep: Sweep) -> str:
    counts = sweep.trials["state"].value_counts()
    return f"{sweep.state}: " + (
        ", ".join(f"{count} {state}" for state, count in counts.items()) or "no trials yet"
    )
