"""What the verbs of the command line share: their options, exit codes, and how they speak."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from rich.console import Console

DONE, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130

Name = Annotated[str, typer.Argument(metavar="NAME", help="of the sweep, as in its spec")]
TrackingUri = Annotated[
    str | None,
    typer.Option(
        envvar="MLFLOW_TRACKING_URI",
        show_envvar=True,
        help="MLflow store or server; mlflow.db under ./sweeps (or $SWEEP_HOME) if left out",
    ),
]


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def store_of(tracking_uri: str | None, name: str = "") -> str:
    """The store that was named, else the one that the sweep was recorded in."""
    from sweep import home, store

    uri = tracking_uri or home.tracking_uri(name)
    try:
        store.refuse_hidden(uri, "--tracking-uri or MLFLOW_TRACKING_URI")
        store.refuse_password(uri)
        store.refuse_unknown(uri)
        store.refuse_silent(uri)
    except store.BadAddress as error:
        leave(WRONG, str(error))
    store.wait_no_longer()
    return uri


def console() -> Console:
    from rich.console import Console

    found = Console()
    return found if found.is_terminal else Console(width=80)


def leave(code: int, sentence: str) -> NoReturn:
    print(sentence, file=sys.stderr)
    raise SystemExit(code)
