"""The table of `sweep front`, for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from analysis.folding import Folded
from analysis.record.candidate import BASE, Candidate
from analysis.record.names import LIVE_STATES, TrialState
from analysis.record.sweep import Sweep
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

TRIAL, SEEDS, RECIPE = "trial", "n", "recipe"  # headings
NARROW = (TRIAL, SEEDS)
MIN_RECIPE = 20  # columns
PADDING = 3  # columns between two cells
MAX_TIES = 4  # that a row names of either kind


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
    headings = [TRIAL, *([SEEDS] if shows_replicates else [])]
    decimals = goal_decimals(sweep, rows)
    for goal in sweep.goals:
        _, dataset, quantity = parse(goal.name)
        name = f"{escape(dataset)}\n{escape(quantity)} {arrow(goal)}"
        headings.append(f"{name}\n[dim]{escape(goal.unit)}[/dim]")

    def values(row: Mapping[Any, Any]) -> list[str]:
        """Return the values of the goals, each with half its interval below it."""
        return [
            "\n".join([value, *(f"[dim]{error}[/dim]" for error in errors)])
            for value, *errors in goal_cells(sweep, row, decimals, space="")
        ]

    cells = [BASE, *([""] if shows_replicates else []), *values(sweep.base)]
    of_base = _ties(tied[BASE]) if BASE in tied else ""
    shown = [Row(cells, f"[dim]{about_base(sweep)}[/dim]{of_base}")]
    for row in rows.to_dict("records"):
        name = str(Candidate.of(row))
        replicates = [str(row["replicates"])] if shows_replicates else []
        words = f"{_recipe(sweep, row, every)}{_ties(tied[name])}".lstrip()
        shown.append(Row([name, *replicates, *values(row)], words))
    notes = "\n".join(_notes(sweep, every, tied, shows_replicates))
    return FrontTable(escape(headline(sweep)), escape(notes), headings, shown)


def _recipe(sweep: Sweep, row: Mapping[Any, Any], every: bool) -> str:
    """Return the recipe of a candidate as markup of rich, after its marks.

    every: whether rows that are on the front are marked as such, too.
    """
    found = [f"[red]{mark}[/red]" for mark in marks(row)]
    if every and row["front"]:
        found.insert(0, "[green]on the front[/green]")
    words = [*found, escape(recipe(sweep, row))]  # nothing where nothing is searched
    if (num_missing := row.get(SHORTFALL, 0)) > 0:
        words.append(f"[red]{counted(round(num_missing), 'replayed text')} short[/red]")
    return " · ".join(filter(None, words))


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
    """Return the state of a sweep and the number of its trials in each state, in a line.

    Trials that ran when their driver died are killed.
    """
    states = sweep.trials["state"]
    if sweep.state not in LIVE_STATES:
        states = states.replace(TrialState.RUNNING, TrialState.KILLED)
    counts = states.value_counts()
    none = "no trials yet" if sweep.state in LIVE_STATES else "no trials"
    words = ", ".join(f"{count} {state}" for state, count in counts.items())
    return f"{sweep.state}: {words or none}"
