"""Arguments, options and exit codes that the verbs share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from trainables.cli.output import WIDTH
from trainables.cli.streams import say
from trainables.cli.verbs import DONE as DONE
from trainables.cli.verbs import FAILED as FAILED
from trainables.cli.verbs import INTERRUPTED as INTERRUPTED
from trainables.cli.verbs import WRONG as WRONG

if TYPE_CHECKING:
    from rich.console import Console

    from sweep.config.spec import SweepSpec
    from trainables.schema.yaml_file import Document

# Address of the store that the verb uses, without a password, for the sentences of its errors.
store_in_use: ContextVar[str] = ContextVar("store_in_use", default="")

Spec = Annotated[Path, typer.Argument(metavar="SPEC", help="the sweep's YAML file")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="name of the sweep, as in its spec")]
TrackingUri = Annotated[
    str | None,
    typer.Option(
        envvar="MLFLOW_TRACKING_URI",
        show_envvar=True,
        help="MLflow store or server; mlflow.db in ./sweeps (or $SWEEP_HOME) if left out",
    ),
]
SearchStorage = Annotated[
    str | None,
    typer.Option(
        envvar="OPTUNA_STORAGE",
        show_envvar=True,
        help="database of the search, as postgresql://…; a journal in the sweep's folder if left out",
    ),
]


def without_blanks(address: str | None) -> str | None:
    """Return an address; refuse one with a blank, which is not shown, as a part may be a password."""
    if address and any(map(str.isspace, address)):
        leave(WRONG, "--address must have no blank: write one in a password as %20.")
    return address


Address = Annotated[
    str | None,
    typer.Option(
        callback=without_blanks,
        help="a Ray cluster that is up: auto or HOST:PORT; this machine if left out",
    ),
]
JobsAddress = Annotated[
    str | None,
    typer.Option(
        "--address",
        envvar="RAY_API_SERVER_ADDRESS",
        show_envvar=True,
        callback=without_blanks,
        help="the job API of a Ray cluster, http://HOST:8265; that of `sweep use` if left out",
    ),
]


def allow_open_clusters(is_given: bool) -> bool:
    """Let this process use clusters that let everybody in, if so it is asked; return whether it is."""
    if is_given:
        from sweep.driver.cluster import open_clusters

        open_clusters.allow()
    return is_given


# It has its effect by its callback: the verbs do not look at it.
Insecure = Annotated[
    bool,
    typer.Option(
        "--insecure",
        callback=allow_open_clusters,
        help="use a cluster of other machines, too, that lets everybody in, without a token",
    ),
]
HarnessTasks = Annotated[
    Path | None,
    typer.Option(help="folder of your own tasks of lm-evaluation-harness; their code is run"),
]
NoDiff = Annotated[
    bool,
    typer.Option("--no-diff", help="record no changes of Equipoise's own code since its commit"),
]


AtOnce = Annotated[
    int | None,
    typer.Option("--at-once", min=1, help="the most trials at once, whatever the spec says"),
]


class Format(StrEnum):
    """Forms in which a verb can print its result."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class TableOrJson(StrEnum):
    """Forms in which a verb can print its result that is no table of numbers."""

    TABLE = "table"
    JSON = "json"


def store_of(tracking_uri: str | None, name: str = "") -> str:
    """Return the address of an MLflow store that can be used.

    Args:
        tracking_uri: the store that the user has named, if any.
        name: the sweep whose own store is used otherwise.

    Raises:
        SystemExit: the store cannot be used; a sentence on stderr says why.
    """
    from sweep.tracking.store import addresses

    uri = tracking_uri or _store_not_named(name)
    try:
        addresses.refuse_hidden(uri, "--tracking-uri or MLFLOW_TRACKING_URI")
        addresses.refuse_password(uri)
        addresses.refuse_unknown(uri)
        addresses.refuse_silent(uri)
    except addresses.BadAddress as error:
        leave(WRONG, str(error))
    addresses.limit_retries()
    store_in_use.set(addresses.masked_address(uri))
    return uri


def _store_not_named(name: str) -> str:
    """Return the address of MLflow for a sweep, if the user has named none.

    It is that of the sweep if it was run here, else that of `sweep use`, else that of the local sweeps.
    """
    from sweep import workspace
    from sweep.remote import addresses

    is_from_here = bool(name) and workspace.spec(name).is_file()
    kept = None if is_from_here else addresses.kept()
    return (kept and kept.tracking_uri) or workspace.tracking_uri(name)


def known_jobs_address(address: str | None) -> str | None:
    """Return the address of a cluster's job API: the one given, else that of `sweep use`; None without.

    Raises:
        SystemExit: it is none of a job API; a sentence on stderr says so.
    """
    from sweep.remote import addresses
    from sweep.tracking.store.addresses import BadAddress

    if address is None:
        kept = addresses.kept()
        return kept.address if kept else None
    try:
        return addresses.checked_jobs_address(address)
    except BadAddress as error:
        leave(WRONG, str(error))


def jobs_address(address: str | None) -> str:
    """Return the address of a cluster's job API: the one given, else that of `sweep use`.

    Raises:
        SystemExit: there is neither, or it is none of a job API; a sentence on stderr says so.
    """
    known = known_jobs_address(address)
    if known is None:
        leave(
            WRONG,
            "--address must be given, as http://HOST:8265 of the job API of a Ray cluster; `sweep use "
            "ADDRESS` keeps it for all verbs.",
        )
    return known


@contextmanager
def reading() -> Iterator[None]:
    """Within the block, turn an error of what is read from the record into a sentence.

    Raises:
        SystemExit: with 2; there is no such sweep or trial, or no record.
    """
    from sweep.tracking.store import errors as store_errors

    try:
        yield
    except ValueError as error:
        if store_errors.is_of_store(error):
            raise
        leave(WRONG, str(error))


def load_spec(path: Path, *, with_inputs: bool = False) -> tuple[SweepSpec, Document]:
    """Return the sweep that a YAML file describes, and the file as it was read.

    with_inputs: whether the faults of a file are told together with those of its models and data.

    Raises:
        SystemExit: the file has faults; stderr has a sentence for each.
    """
    from sweep.config.check import check
    from trainables.schema.yaml_file import SpecError, read

    try:
        document = read(path)
    except SpecError as error:
        leave(WRONG, str(error))
    try:
        return check(document), document
    except SpecError as error:
        sentences = error.sentences
    if with_inputs:
        from sweep.config import preflight

        sentences += preflight.faults_of_sound_part(document)
    leave(WRONG, str(SpecError(sentences)))
    return None


def use_harness_tasks(folder: Path | None) -> None:
    """Let tasks of lm-evaluation-harness be found in this folder, too, if one is given.

    Raises:
        SystemExit: it is no folder of tasks; a sentence on stderr says so.
    """
    from trainables.harness import folder as tasks_folder

    try:
        if folder is not None:
            tasks_folder.use(folder)
    except ValueError as error:
        leave(WRONG, str(error))


def others() -> str:
    """Return a sentence with the names of all sweeps that were run here; empty if there are none."""
    from sweep import workspace

    names = workspace.names()
    return f" Here are {', '.join(names)}." if names else ""


def console() -> Console:
    """Return a console as wide as the terminal, or of 80 columns if there is no terminal."""
    from sweep.display.console import ShowableConsole

    terminal = ShowableConsole()
    return terminal if terminal.is_terminal else ShowableConsole(width=WIDTH)


def trial_number(text: str | int) -> int:
    """Return the number of a trial as it is typed: digits alone, and few.

    Raises:
        ValueError: it is something else.
    """
    if not re.fullmatch(r"\d{1,9}", str(text), re.ASCII):
        # trainables/cli/verbs.py makes a sentence of it.
        raise ValueError("must be a valid integer")
    return int(text)


def leave(code: int, sentence: str) -> NoReturn:
    """End the process with this exit code, after printing a sentence to stderr.

    Raises:
        SystemExit: always.
    """
    say(sentence)
    raise SystemExit(code)
