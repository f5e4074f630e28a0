"""Arguments, options and exit codes that the verbs share."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from sweep.config.spec import SweepSpec
    from trainables.schema.yaml_file import Document

DONE, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130

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
Address = Annotated[
    str | None,
    typer.Option(help="a Ray cluster that is up: auto or HOST:PORT; this machine if left out"),
]
HarnessTasks = Annotated[
    Path | None,
    typer.Option(help="folder of your own tasks of lm-evaluation-harness; their code is run"),
]


class Format(StrEnum):
    """Forms in which a verb can print its result."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def store_of(tracking_uri: str | None, name: str = "") -> str:
    """Return the address of an MLflow store that can be used.

    Args:
        tracking_uri: the store that the user has named, if any.
        name: the sweep whose own store is used otherwise.

    Raises:
        SystemExit: the store cannot be used; a sentence on stderr says why.
    """
    from sweep import workspace
    from sweep.tracking import addresses

    uri = tracking_uri or workspace.tracking_uri(name)
    try:
        addresses.refuse_hidden(uri, "--tracking-uri or MLFLOW_TRACKING_URI")
        addresses.refuse_password(uri)
        addresses.refuse_unknown(uri)
        addresses.refuse_silent(uri)
    except addresses.BadAddress as error:
        leave(WRONG, str(error))
    addresses.limit_retries()
    return uri


def load_spec(path: Path) -> tuple[SweepSpec, Document]:
    """Return the sweep that a YAML file describes, and the file as it was read.

    Raises:
        SystemExit: the file has faults; stderr has a sentence for each.
    """
    from sweep.config.check import load
    from trainables.schema.yaml_file import SpecError

    try:
        return load(path)
    except SpecError as error:
        leave(WRONG, str(error))


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


def console() -> Console:
    """Return a console as wide as the terminal, or of 80 columns if there is no terminal."""
    from rich.console import Console

    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=80)


def leave(code: int, sentence: str) -> NoReturn:
    """End the process with this exit code, after printing a sentence to stderr.

    Raises:
        SystemExit: always.
    """
    print(sentence, file=sys.stderr)
    raise SystemExit(code)
