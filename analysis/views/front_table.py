"""The table of `sweep front`, for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from analysis.folding import Folded
from analysis.record.sweep import BASE, Candidate, Sweep
from analysis.stats.ties import Ties, ties
from analysis.views.front_words import (
    MAYBE_TIED,
    MEANING_OF_MAYBE_TIED,
    MEANING_OF_REPLICATES,
    MEANING_OF_TIES,
    TIED,
    about_base,
    arrow,
    cautions,
    counts,
    goal_cells,
    goal_decimals,
    has_replicates,
    headline,
    marks,
    recipe,
    rows_of,
)
from trainables.metrics.interval import MEANING
from trainables.metrics.names import SHORTFALL, parse
from trainables.schema.counted import counted

MAX_TIES = 4  # that a row names of either kind


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
    decimals = goal_decimals(sweep, rows)
    for goal in sweep.goals:
        _, dataset, quantity = parse(goal.name)
        heading = f"{dataset}\n{quantity} {arrow(goal)}\n[dim]{escape(goal.unit)}[/dim]"
        shown.add_column(Folded(heading), justify="right", overflow="fold")
    shown.add_column("recipe", ratio=1)

    def values(row: Mapping[Any, Any]) -> list[str]:
        """Return the values of the goals, each with half its interval below it."""
        return [
            "\n".join([value, *(f"[dim]{error}[/dim]" for error in errors)])
            for value, *errors in goal_cells(sweep, row, decimals, space="")
        ]

    cells = [BASE, *([""] if shows_replicates else []), *values(sweep.base)]
    words = Folded(f"[dim]{about_base(sweep)}[/dim]{_ties(tied[BASE]) if BASE in tied else ''}")
    shown.add_row(*cells, words, end_section=True)
    for row in rows.to_dict("records"):
        name = str(Candidate.of(row))
        replicates = [str(row["replicates"])] if shows_replicates else []
        words = Folded(_recipe(sweep, row, every) + _ties(tied[name]))
        shown.add_row(name, *replicates, *values(row), words)
    return shown


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


def _ties(found: Ties) -> str:
    """Return the names that a candidate is not told apart from, as markup of rich; "" for none."""
    words = [
        f"{sign} {', '.join(names[:MAX_TIES])}{' …' if len(names) > MAX_TIES else ''}"
        for sign, names in ((TIED, found.tied), (MAYBE_TIED, found.maybe))
        if names
    ]
    return f" [dim]{' '.join(words)}[/dim]" if words else ""


def _notes(
    sweep: Sweep, every: bool, tied: Mapping[str, Ties], shows_replicates: bool
) -> list[str]:
    """Return the lines below the table."""
    counted = counts(sweep)
    return [
        MEANING,
        *([MEANING_OF_REPLICATES] if shows_replicates else []),
        *([MEANING_OF_TIES] if any(found.tied for found in tied.values()) else []),
        *([MEANING_OF_MAYBE_TIED] if any(found.maybe for found in tied.values()) else []),
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
