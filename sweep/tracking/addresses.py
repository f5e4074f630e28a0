"""The address of a store: which can be used, what of it may be shown; a client of MLflow's."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

from filelock import FileLock

if TYPE_CHECKING:
    from mlflow import MlflowClient


HIDDEN = "***"  # stands for a password
DATABASES = ("sqlite", "postgresql", "mysql", "mssql")  # that MLflow can be kept in


class BadAddress(ValueError):
    """The address of a store that cannot, or must not, be used as it is."""


def reach(tracking_uri: str) -> None:
    """Look whether the store can be used; a new file gets its tables, from one process alone.

    Raises:
        BadAddress: it cannot, and how to name one that can.
    """
    refuse_password(tracking_uri)
    refuse_unknown(tracking_uri)
    refuse_silent(tracking_uri)
    scheme, _, rest = tracking_uri.partition("://")
    if scheme in ("http", "https"):
        return
    if scheme == "sqlite" and set(rest) & set("%?#"):
        raise BadAddress(
            f"the path of the store must be without %, ? and #, which mean something else in the "
            f"address of a database, but got {rest}: set SWEEP_HOME to another folder."
        )
    refuse_ambiguous(tracking_uri)
    file = Path(rest.removeprefix("/")) if scheme == "sqlite" else None
    try:
        with FileLock(f"{file}.lock") if file else nullcontext():
            connect(tracking_uri).search_experiments(max_results=1)
    except Exception as error:  # of SQLAlchemy, of the driver of a database, of MLflow
        raise BadAddress(
            f"the store {without_password(tracking_uri)} must be one that can be written, but: "
            f"{why(error)}."
        ) from error


def why(error: BaseException) -> str:
    """What a database or its driver says, in a line; what to install where there is no driver."""
    cause = error.__cause__ or error
    if isinstance(cause, ModuleNotFoundError) and cause.name == "psycopg":
        return "psycopg is not installed: `pip install -e '.[postgresql]'` brings it"
    return str(cause).splitlines()[0]


def without_password(uri: str) -> str:
    """As it may be shown and kept."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(uri)
        if "@" in (url.host or ""):
            raise ValueError
    except (ArgumentError, ValueError):
        scheme, separator, rest = uri.partition("://")
        return scheme + separator + rest.rpartition("@")[2]
    secret = {key: HIDDEN for key in url.query if "password" in key}
    return url.update_query_dict(secret).render_as_string().replace("%2A", "*")


def shown(address: Path | str) -> str:
    """Return a path as it is, or an address without its password."""
    return without_password(address) if isinstance(address, str) else str(address)


def absolute(uri: str) -> str:
    """Return the address of a relative SQLite file as seen from every folder; others as they are."""
    path = uri.removeprefix("sqlite:///")
    if path == uri or path.startswith("/"):
        return uri
    return f"sqlite:///{Path(path).resolve()}"


def refuse_hidden(uri: str, named: str) -> None:
    """
    Raises:
        BadAddress: this is what was kept of an address, and its password was not.
    """
    if HIDDEN in uri:
        raise BadAddress(f"the password of {uri} is not kept: name it again with {named}.")


def refuse_unknown(tracking_uri: str) -> None:
    """What MLflow would take for a folder, or for nothing at all.

    Raises:
        BadAddress: it is no address of a server or of a database.
    """
    scheme = tracking_uri.partition("://")[0]
    if scheme.partition("+")[0] not in ("http", "https", *DATABASES, "databricks"):
        raise BadAddress(
            f"the tracking URI must be http://HOST:PORT, sqlite:///FILE or another database, but "
            f"got {tracking_uri!r}."
        )


def refuse_ambiguous(database: str) -> None:
    """What is read as a part of the host's name would end up in error messages.

    Raises:
        BadAddress: user, password and host cannot be told apart.
    """
    if database.partition("?")[0].count("@") > 1:
        raise BadAddress(
            f"the password in the address of {without_password(database)} must be written with %40 "
            f"for @ (and %2F for /, %3A for :), which end it otherwise."
        )


def refuse_silent(tracking_uri: str) -> None:
    """A server that is away; MLflow itself would try again for minutes.

    Raises:
        BadAddress: nobody answers.
    """
    scheme = tracking_uri.partition("://")[0]
    if scheme.partition("+")[0] in DATABASES[1:]:
        _refuse_silent_database(tracking_uri)
    if scheme not in ("http", "https"):
        return
    try:
        urlopen(f"{tracking_uri.rstrip('/')}/health", timeout=5).close()
    except HTTPError:
        pass  # somebody answers; what they say of it is for the client to understand
    except (OSError, ValueError) as error:
        raise BadAddress(
            f"the tracking server {tracking_uri} must be up, but does not answer "
            f"({getattr(error, 'reason', error)}): start it, or name another store."
        ) from error


def _refuse_silent_database(tracking_uri: str) -> None:
    from sqlalchemy import create_engine

    refuse_ambiguous(tracking_uri)
    quick = {} if tracking_uri.startswith("mssql") else {"connect_timeout": 5}
    try:
        engine = create_engine(tracking_uri, connect_args=quick)
        engine.connect().close()
        engine.dispose()
    except Exception as error:  # of SQLAlchemy, of the driver of a database
        raise BadAddress(
            f"the store {without_password(tracking_uri)} must be up, but: {why(error)}."
        ) from error


def refuse_password(tracking_uri: str) -> None:
    """A password in the address of a server would end up in error messages and so in the record.

    Raises:
        BadAddress: the address holds one.
    """
    parts = urlsplit(tracking_uri)
    if parts.scheme in ("http", "https") and "@" in parts.netloc:
        raise BadAddress(
            f"the tracking URI must hold no user name or password, but that of "
            f"{parts.hostname} does: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
            f"write them into ~/.mlflow/credentials."
        )


@contextmanager
def answering(tracking_uri: str, then: str) -> Iterator[None]:
    """For what is asked of a store that was up a moment ago; `then`: what is to be done once it is.

    Raises:
        BadAddress: it has gone away since.
    """
    try:
        yield
    except Exception as error:
        from mlflow.exceptions import MlflowException

        if not isinstance(error, MlflowException):
            raise
        raise BadAddress(
            f"the tracking store {without_password(tracking_uri)} must be up, but has gone away "
            f"({str(error).splitlines()[0]}): start it again, then {then}."
        ) from error


def wait_no_longer() -> None:
    """MLflow tries a request once, unless the environment says otherwise."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")  # seconds; of a server that hangs


@cache
def connect(tracking_uri: str) -> MlflowClient:
    """A client that says at once when the store is away: whoever asks knows how long to wait.

    MLflow by itself would try again for minutes, and what it says twice may be done twice.
    """
    wait_no_longer()
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    from mlflow import MlflowClient

    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
    return MlflowClient(tracking_uri)
