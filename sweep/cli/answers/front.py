"""The verb `front`: the Pareto-optimal configurations of a sweep."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweep.cli.options import (
    FAILED,
    WRONG,
    Format,
    Name,
    TrackingUri,
    console,
    leave,
    reading,
    store_of,
)
from sweep.tracking.store import errors as store_errors
from trainables.cli.output import refuse_address
from trainables.cli.streams import encodable, say
from trainables.cli.verbs import file_sentence
from trainables.schema.counted import counted

if TYPE_CHECKING:
    from analysis.record.sweep import Sweep

app = typer.Typer()


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
        bool, typer.Option("--all", help="print every candidate, marked, not the front alone")
    ] = False,
    others: Annotated[
        list[str] | None,
        typer.Option(
            "--with", metavar="NAME", help="another sweep whose trials are shown, too (repeatable)"
        ),
    ] = None,
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
    from sweep.driver.liveness import state_here

    refuse_address("--out-dir", out_dir)
    if register and {"/", ":"} & set(model_name or name):
        leave(WRONG, f"--model-name must have no / and no :, but got {model_name or name!r}.")
    all_names = [name, *(others or [])]
    if twice := next((each for each in all_names if all_names.count(each) > 1), None):
        leave(WRONG, f"--with must name other sweeps, each once, but {twice} is named twice.")
    uri = store_of(tracking_uri, name)
    try:
        with reading():
            sweep = reader.read_sweep(name, tracking_uri=uri)
            sweep = replace(sweep, state=state_here(name, uri, sweep.state))
            if others:
                more = [reader.read_sweep(other, tracking_uri=uri) for other in others]
                sweep = _as_one([sweep, *more])
            paths = export.write(sweep, out_dir) if out_dir else []
    except OSError as error:
        if store_errors.is_of_store(error):
            raise
        leave(WRONG, f"--out-dir must be a folder that can be written, but: {file_sentence(error)}")
    match format_:
        case Format.JSON:
            print(front_files.to_json(sweep, every=every), end="")
        case Format.CSV:
            print(front_files.to_csv(sweep, every=every), end="")
        case Format.TABLE:
            console().print(front_table.table(sweep, every=every))
    messages = sys.stderr if format_ is not Format.TABLE else sys.stdout
    for path in paths:
        print(encodable(str(path)), file=messages)
    if register:
        num_registered, num_left = 0, 0
        for sentence, is_registered in _register(sweep, model_name or name):
            print(encodable(sentence), file=sys.stderr if is_registered is False else messages)
            num_registered += is_registered is True
            num_left += is_registered is False
        if num_left or not num_registered:
            leave(FAILED, _not_registered(sweep, num_registered))


def _as_one(sweeps: list[Sweep]) -> Sweep:
    """Return one sweep with the trials of several, after saying how they are numbered."""
    from analysis.record import several

    joined = several.as_one(sweeps)
    numbers = [joined_numbers(s, o) for s, o in zip(sweeps, several.offsets(sweeps), strict=True)]
    say(f"{'; '.join(numbers)}.")
    return joined


def joined_numbers(sweep: Sweep, offset: int) -> str:
    """Return how the trials of a sweep are numbered beside those of others, in words.

    offset: what is added to their own numbers.
    """
    if sweep.trials.empty:
        return f"{sweep.name} has no trials"
    first, last = (int(end) for end in (sweep.trials["trial"].min(), sweep.trials["trial"].max()))
    if not offset:
        return f"trials {first} to {last} are those of {sweep.name}"
    shifted = f"trials {first + offset} to {last + offset}"
    return f"{shifted} are trials {first} to {last} of {sweep.name}"


def _register(sweep: Sweep, model: str) -> Iterator[tuple[str, bool | None]]:
    """Register the models of the front.

    model: the name of the registered model; each member becomes a version of it.

    Yields:
        A sentence for each member, and whether it is registered; None for one at another α, of which
        no sweep keeps a model.
    """
    from analysis.record.candidate import Candidate
    from analysis.views.model_card import card, tags
    from sweep.tracking import registry

    for row in sweep.front().to_dict("records"):
        member = Candidate.of(row)
        if member.alpha is not None:
            yield (
                f"trial {member}: no model of its own was kept; run its YAML (--out-dir) with --save.",
                None,
            )
            continue
        try:
            text = card(sweep, member)
            version, is_new = registry.register(
                sweep.tracking_uri, model, row["run_id"], text, tags(sweep, row)
            )
        except registry.NotKept as error:
            yield f"trial {member}: {error}", False
        except Exception as error:
            if not store_errors.is_of_store(error):
                raise
            reason = store_errors.reason(error)
            yield f"trial {member} cannot be registered as {model!r}: {reason}", False
        else:
            verb = "is" if is_new else "was, and stays,"
            yield f"trial {member} {verb} version {version} of the registered model {model}", True


def _not_registered(sweep: Sweep, num_registered: int) -> str:
    """Return a sentence on a front of which not every model, or none, is registered."""
    if sweep.front().empty:
        has = "the base model alone, which you have" if sweep.front_size else "no model"
        return f"no model is registered, as the front of {sweep.name} has {has}."
    models = counted(num_registered, "model is", "models are")
    return f"{models} registered, and not all that were asked for."
