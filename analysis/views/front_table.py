"""The table of `sweep front`, for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions
from rich.markup import escape
from rich.measure import Measurement
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

TRIAL, SEEDS, RECIPE = "trial", "n", "recipe"  # headings
NARROW = (TRIAL, SEEDS)
MIN_RECIPE = 20  # columns
PADDING = 3  # columns between two cells
MAX_TIES = 4  # that a row names
TIED = "≈"
MEANING_OF_TIES = f"{TIED}: differs by less than noise in every goal, unpaired (compare is paired)"
MEANING_OF_REPLICATES = (
    "values are means over n seeds; ± is of items and seeds (n = 1: of items alone)"
)


class Row(NamedTuple):
    """A row of the table.

    numbers: the name of the candidate and its numbers, as markup of rich.
    words: its recipe, after what there is to say of it, as markup of rich.
    """

    numbers: Sequence[str]
    words: str


class FrontTable:
    """The table of a front, which rich lays out for the width of the terminal.

    The recipe is the last column if MIN_RECIPE columns are left for it; else it has a table of its own
    below that of the numbers.
    """

    def __init__(
        self, title: str, notes: str, headings: Sequence[str], rows: Sequence[Row]
    ) -> None:
        """Keep what is to be shown until the width is known.

        Args:
            title, notes: the lines above and below.
            headings: of the numbers, as markup of rich.
            rows: the base model, then the candidates.
        """
        self._title, self._notes = title, notes
        self._headings, self._rows = headings, rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table]:
        """Yield one table, or two if the recipes have their own."""
        numbers = self._table(self._headings, [row.numbers for row in self._rows])
        room = options.max_width - Measurement.get(console, options, numbers).maximum - PADDING
        if room >= MIN_RECIPE:
            numbers = self._table(
                [*self._headings, RECIPE],
                [[*row.numbers, Folded(row.words)] for row in self._rows],
            )
        numbers.title = self._title
        tables = [numbers]
        if room < MIN_RECIPE:
            words: list[list[str | Folded]] = [
                [row.numbers[0], Folded(row.words)] for row in self._rows
            ]
            tables.append(self._table([self._headings[0], RECIPE], words))
        tables[-1].caption = self._notes
        yield from tables

    def _table(self, headings: Sequence[str], rows: Sequence[Sequence[str | Folded]]) -> Table:
        """Return a table with a line below its first row, the base model."""
        shown = Table(box=SIMPLE_HEAD, min_width=76 if RECIPE in headings else None)
        shown.title_justify = shown.caption_justify = "left"
        for heading in headings:
            if heading == RECIPE:
                shown.add_column(heading, ratio=1)
            elif heading in NARROW:
                shown.add_column(heading, justify="right", no_wrap=True)
            else:
                shown.add_column(Folded(heading), justify="right", overflow="fold")
        for number, row in enumerate(rows):
            shown.add_row(*row, end_section=number == 0)
        return shown


def table(sweep: Sweep, /, *, every: bool = False) -> FrontTable:
    """Return a table with a row for the base model, then one for each other member of the front.

    It has 80 columns with up to five goals. A row has the goals, with ± half their 95 % intervals, and
    the recipe, after what there is to say of the candidate. The number of replicates has a column if a
    recipe of the sweep has some.

    every: whether there is a row for every candidate instead.
    """
    rows = rows_of(sweep, every)
    shows_replicates = has_replicates(sweep)
    tied = ties(sweep, rows)
    headings, decimals = [TRIAL, *([SEEDS] if shows_replicates else [])], []
    for goal in sweep.goals:
        _, dataset, quantity = parse(goal.name)
        headings.append(f"{dataset}\n{quantity} {arrow(goal)}\n[dim]{escape(goal.unit)}[/dim]")
        decimals.append(num_decimals([*rows[goal.name], sweep.base.get(goal.name, 0.0)]))

    def goal_cells(row: Mapping[Any, Any]) -> list[str]:
        return [
            _with_error(row, goal.name, places) if goal.name in row else "–"
            for goal, places in zip(sweep.goals, decimals, strict=True)
        ]

    remark = ": ".join(filter(None, ["the model before training", base_remark(sweep)]))
    cells = [BASE, *([""] if shows_replicates else []), *goal_cells(sweep.base)]
    shown = [Row(cells, f"[dim]{remark}[/dim]{_ties(tied.get(BASE, []))}")]
    for row in rows.to_dict("records"):
        name = str(Candidate.of(row))
        replicates = [str(row["replicates"])] if shows_replicates else []
        words = _recipe(sweep, row, every) + _ties(tied[name])
        shown.append(Row([name, *replicates, *goal_cells(row)], words))
    notes = "\n".join(_notes(sweep, every, tied, shows_replicates))
    return FrontTable(escape(headline(sweep)), escape(notes), headings, shown)


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
