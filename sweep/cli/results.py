"""The verbs that read the record of sweeps: ls, front, compare."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweep.cli.options import FAILED, WRONG, Format, Name, TrackingUri, console, leave, store_of

if TYPE_CHECKING:
    from analysis.record.sweep import Candidate, Sweep

app = typer.Typer()


@app.command(epilog="Example: sweep ls --format json")
def ls(
    tracking_uri: TrackingUri = None,
    format_: Annotated[Format, typer.Option("--format")] = Format.TABLE,
) -> None:
    """List the sweeps in the record."""
    from analysis.record import reader
    from analysis.views import sweeps_table

    try:
        sweeps = reader.list_sweeps(tracking_uri=store_of(tracking_uri))
    except ValueError as error:
        leave(FAILED, str(error))
    if format_ is Format.JSON:
        print(sweeps.to_json(orient="records", date_format="iso", indent=2))
    elif format_ is Format.CSV:
        print(sweeps.to_csv(index=False), end="")
    else:
        console().print(sweeps_table.table(sweeps))


@app.command(epilog="Example: sweep front miniature --out-dir front")
def front(
    name: Name,
    tracking_uri: TrackingUri = None,
    format_: Annotated[Format, typer.Option("--format")] = Format.TABLE,
    out_dir: Annotated[
        Path | None,
        typer.Option(help="write pictures, tables and a runnable YAML of each configuration here"),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="print every candidate, not the front alone")
    ] = False,
    register: Annotated[
        bool,
        typer.Option("--register", help="put the kept models of the front into MLflow's registry"),
    ] = False,
    model_name: Annotated[
        str | None,
        typer.Option(help="name of the registered model; that of the sweep if left out"),
    ] = None,
) -> None:
    """Print the Pareto-optimal configurations of a sweep, write them to files, or register them."""
    from analysis.record import reader
    from analysis.views import export, front_files, front_table

    try:
        sweep = reader.read_sweep(name, tracking_uri=store_of(tracking_uri, name))
        paths = export.write(sweep, out_dir) if out_dir else []
    except ValueError as error:
        leave(FAILED, str(error))
    except OSError as error:
        leave(WRONG, f"--out-dir must be a folder that can be written, but: {error}.")
    match format_:
        case Format.JSON:
            print(front_files.to_json(sweep, every=every), end="")
        case Format.CSV:
            print(front_files.to_csv(sweep, every=every), end="")
        case Format.TABLE:
            console().print(front_table.table(sweep, every=every))
    messages = sys.stderr if format_ is not Format.TABLE else sys.stdout
    for path in paths:
        print(path, file=messages)
    if register:
        for sentence in _register(sweep, model_name or name):
            print(sentence, file=messages)


def _register(sweep: Sweep, model: str) -> Iterator[str]:
    """Register the models of the front, and yield a sentence for each member.

    model: the name of the registered model; each member becomes a version of it.

    Raises:
        SystemExit: MLflow refuses a model.
    """
    from mlflow.exceptions import MlflowException

    from analysis.record.sweep import Candidate
    from analysis.views.model_card import card
    from sweep.tracking import registry

    for row in sweep.front().to_dict("records"):
        member = Candidate.of(row)
        if member.alpha is not None:
            yield (
                f"trial {member}: no model of its own was kept; run its YAML (--out-dir) with --save."
            )
            continue
        goals = {goal.name: f"{row[goal.name]:.6g}" for goal in sweep.goals}
        tags = {"trial": str(member), **goals}
        try:
            text = card(sweep, member)
            version, is_new = registry.register(
                sweep.tracking_uri, model, row["run_id"], text, tags
            )
        except registry.NotKept as error:
            yield f"trial {member}: {error}"
        except MlflowException as error:
            leave(FAILED, f"trial {member} cannot be registered as {model!r}: {error.message}")
        else:
            verb = "is" if is_new else "was, and stays,"
            yield f"trial {member} {verb} version {version} of the registered model {model}"


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
    every: Annotated[
        bool, typer.Option("--all", help="show every metric in the table, not the goals alone")
    ] = False,
) -> None:
    """Test whether two candidates differ: a paired test on the items that both were measured on.

    JSON and CSV have every metric, the goals first.
    """
    from analysis.record import reader
    from analysis.stats import paired
    from analysis.views import compare_table

    try:
        sweep = reader.read_sweep(name, tracking_uri=store_of(tracking_uri, name))
        candidates = _candidate(first), _candidate(second)
        comparison = compare_table.goals_first(sweep, paired.compare(sweep, *candidates))
    except ValueError as error:
        leave(FAILED, str(error))
    if format_ is Format.JSON:
        print(compare_table.to_json(comparison), end="")
    elif format_ is Format.CSV:
        print(comparison.to_csv(index=False), end="")
    else:
        names = [str(candidate or "base") for candidate in candidates]
        console().print(compare_table.table(sweep, comparison, *names, every=every))


def _candidate(word: str) -> Candidate | None:
    """Return the candidate that a user names by NUMBER, NUMBER@ALPHA or `base`.

    None stands for the base model.

    Raises:
        SystemExit: the word has another form.
    """
    from analysis.record.sweep import Candidate

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
