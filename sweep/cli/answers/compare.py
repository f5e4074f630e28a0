"""The verb `compare`: a test of the difference between two candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sweep.cli.options import WRONG, Format, Name, TrackingUri, console, leave, reading, store_of

if TYPE_CHECKING:
    from analysis.record.candidate import Candidate

app = typer.Typer()


@app.command(epilog="Example: sweep compare miniature base 9")
def compare(
    name: Name,
    first: Annotated[
        str,
        typer.Argument(metavar="TRIAL", help="a trial's number, NUMBER@ALPHA of it, or `base`"),
    ],
    second: Annotated[
        str, typer.Argument(metavar="TRIAL", help="another; differences are second minus first")
    ],
    tracking_uri: TrackingUri = None,
    format_: Annotated[Format, typer.Option("--format")] = Format.TABLE,
    recipes: Annotated[
        bool,
        typer.Option(
            "--recipes", help="compare recipes, over their seeds, and not two trained models"
        ),
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="show every metric in the table, not the goals alone")
    ] = False,
) -> None:
    """Test whether two candidates differ: a paired test on the items that both were measured on.

    JSON and CSV have every metric, the goals first.
    """
    from analysis.formats import writing
    from analysis.record import reader
    from analysis.stats import paired, recipes_compared
    from analysis.views import compare_table

    candidates = _candidate(first), _candidate(second)
    uri = store_of(tracking_uri, name)
    with reading():
        sweep = reader.read_sweep(name, tracking_uri=uri)
        compare_them = recipes_compared.compare_recipes if recipes else paired.compare
        comparison = compare_table.goals_first(sweep, compare_them(sweep, *candidates))
    if format_ is Format.JSON:
        print(compare_table.to_json(comparison), end="")
    elif format_ is Format.CSV:
        print(writing.csv_text(comparison), end="")
    else:
        names = [str(candidate or "base") for candidate in candidates]
        console().print(
            compare_table.table(sweep, comparison, *names, recipes=recipes, every=every)
        )


def _candidate(word: str) -> Candidate | None:
    """Return the candidate that a user names by NUMBER, NUMBER@ALPHA or `base`.

    None stands for the base model.

    Raises:
        SystemExit: the word has another form.
    """
    from analysis.record.candidate import Candidate

    if word == "base":
        return None
    try:
        return Candidate.parse(word)
    except ValueError:
        leave(
            WRONG,
            f"TRIAL must be the number of a trial or `base`, but got {word!r}; the weights of trial 7 "
            f"at an α of its `fusion.also` are 7@0.25.",
        )
