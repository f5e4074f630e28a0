"""What the verbs of the command line share: arguments, options, exit codes, how a verb is left."""

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
Name = Annotated[str, typer.Argument(metavar="NAME", help="of the sweep, as in its spec")]
TrackingUri = Annotated[
    str | None,
    typer.Option(
        envvar="MLFLOW_TRACKING_URI",
        show_envvar=True,
        help="MLflow store or server; mlflow.db under ./sweeps (or $SWEEP_HOME) if left out",
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


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def store_of(tracking_uri: str | None, name: str = "") -> str:
    """Return the address of the store that was named, else of the one that recorded the sweep.

    A store that cannot be used is said in a sentence, and the verb is left.
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
    """Return the spec in a file, or leave with a sentence for each of its faults."""
    from sweep.config.check import load
    from trainables.schema.yaml_file import SpecError

    try:
        return load(path)
    except SpecError as error:
        leave(WRONG, str(error))


def console() -> Console:
    """Return a console as wide as the terminal, or of 80 columns where there is none."""
    from rich.console import Console

    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=80)


def leave(code: int, sentence: str) -> NoReturn:
    """End the process with a sentence on stderr and an exit code."""
    print(sentence, file=sys.stderr)
    raise SystemExit(code)
