"""Addresses of tracking stores and search storages: refuse bad ones, hide passwords, connect."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from functools import cache
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from filelock import FileLock

from analysis.record.names import DATABASES
from sweep.tracking.store import errors, server
from trainables.schema.text.masking import HIDDEN, masked
from trainables.schema.text.shown import first_line

if TYPE_CHECKING:
    from mlflow import MlflowClient


MAX_CHECK_S = 3.0  # in which some gigabyte is looked at
OF_MLFLOW, OF_VERSION = "experiments", "alembic_version"  # tables


class BadAddress(ValueError):
    """The address of a store that cannot, or must not, be used as it is."""


def prepare_store(tracking_uri: str) -> None:
    """Check that MLflow can use a store, and create the tables of a new database.

    A lock beside an SQLite file lets one process alone create its tables.

    Raises:
        BadAddress: the store cannot be used; the sentence says how to name one that can.
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
    if file and os.path.isdir(file):  # MLflow would try to open it for minutes
        raise BadAddress(f"the store {file} must be a file, but is a folder: name a file in it.")
    try:
        with FileLock(f"{file}.lock") if file else nullcontext():
            # Within the lock, as another process may be making the tables.
            _refuse_other_tables(tracking_uri)
            if file and is_new_file(tracking_uri):
                _make_file(file)
            elif file:
                _refuse_damaged(file)
            connect(tracking_uri).search_experiments(max_results=1)
    except BadAddress:
        raise
    except Exception as error:  # of SQLAlchemy, of the driver of a database, of MLflow
        raise BadAddress(
            f"the store {masked(tracking_uri)} must be one that can be written, but: "
            f"{short_reason(error)}."
        ) from error


def _refuse_damaged(file: Path) -> None:
    """Raise BadAddress if an SQLite file is not whole, as after a fault of the disk.

    It is looked at for MAX_CHECK_S seconds: damage behind that is found when it is read.
    """
    try:
        with closing(sqlite3.connect(file)) as connection:
            clock = Timer(MAX_CHECK_S, connection.interrupt)
            clock.start()
            try:
                ((found, *_), *_) = connection.execute("PRAGMA quick_check(1)").fetchall()
            finally:
                clock.cancel()
                clock.join()  # it must not interrupt a connection that is closed
    # Such as the end of that time, a lock, or no rights: opening the store says more.
    except sqlite3.OperationalError:
        return
    except sqlite3.DatabaseError as error:
        found = str(error)
    if found != "ok":
        reason = found.splitlines()[-1]
        raise BadAddress(
            f"the store {file} must be a whole SQLite file, but is damaged ({reason}): put a copy "
            f"back; or move it away, then `sweep sync NAME --tracking-uri sqlite:///{file}` records a "
            f"sweep anew from its journal."
        )


def is_new_file(tracking_uri: str) -> bool:
    """Return whether an address is that of an SQLite file which is not there yet, or empty."""
    scheme, _, rest = tracking_uri.partition("://")
    file = Path(rest.removeprefix("/"))
    try:
        return scheme == "sqlite" and (not file.exists() or not file.stat().st_size)
    except OSError:  # opening the store says what is wrong
        return False


def _make_file(file: Path) -> None:
    """Make an SQLite file with the tables of MLflow, all at once.

    MLflow cannot use one whose making was interrupted.
    """
    unfinished = file.with_name(f"{file.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    connect(f"sqlite:///{unfinished}").search_experiments(max_results=1)
    unfinished.replace(file)


def _refuse_other_tables(tracking_uri: str) -> None:
    """Raise BadAddress if a database is that of another program, into which MLflow would write.

    An SQLite file is if it has tables and none of MLflow's. A server's database may be shared, but not
    with the tables of a program that keeps its version where MLflow does, as Optuna.
    """
    from sqlalchemy import create_engine, inspect

    is_file = tracking_uri.startswith("sqlite")
    if is_new_file(tracking_uri):
        return
    try:
        engine = create_engine(tracking_uri)
        tables = inspect(engine).get_table_names()
        engine.dispose()
    except Exception:  # the store says what is wrong when it is opened
        return
    if OF_MLFLOW in tables or not tables or not (is_file or OF_VERSION in tables):
        return
    whose = "of Optuna" if "studies" in tables else f"with {', '.join(sorted(tables)[:3])}"
    raise BadAddress(
        f"the store {masked(tracking_uri)} must be new or a database of MLflow, but is one "
        f"{whose}: name another one with --tracking-uri."
    )


def short_reason(error: BaseException) -> str:
    """Return the first line of the error of a database, or how to install a driver that is missing."""
    cause = error.__cause__ or error
    if isinstance(cause, ModuleNotFoundError) and cause.name == "psycopg":
        return "psycopg is not installed: `pip install -e '.[postgresql]'` brings it"
    return masked(first_line(cause))


def masked_address(address: Path | str) -> str:
    """Return a path as text, or an address without its secrets."""
    return masked(address) if isinstance(address, str) else str(address)


def absolute(uri: str) -> str:
    """Return the address of a relative SQLite file as seen from every folder; others as they are."""
    path = uri.removeprefix("sqlite:///")
    if path == uri or path.startswith("/"):
        return uri
    return f"sqlite:///{Path(path).resolve()}"


def refuse_hidden(uri: str, option: str) -> None:
    """Raise BadAddress if the address was read from a file, which does not hold its password.

    option: the option or environment variable by which the user can name the address again.
    """
    if HIDDEN in uri:
        raise BadAddress(f"the password of {uri} is not kept: name it again with {option}.")


def refuse_unknown(tracking_uri: str) -> None:
    """Raise BadAddress unless the address is that of a tracking server or of a database, in plain text.

    MLflow would take anything else for a folder.
    """
    scheme, _, rest = tracking_uri.partition("://")
    is_in_memory = scheme.startswith("sqlite") and rest.strip("/") in ("", ":memory:")
    is_plain = not any(ord(sign) < 32 or ord(sign) == 127 for sign in tracking_uri)
    is_known = is_plain and scheme.partition("+")[0] in ("http", "https", *DATABASES, "databricks")
    if is_in_memory or not is_known:
        raise BadAddress(
            f"the tracking URI must be http://HOST:PORT, sqlite:///FILE or another database, but "
            f"got {masked(tracking_uri)!r}."
        )


def refuse_ambiguous(database: str) -> None:
    """Raise BadAddress if user, password and host of a database cannot be told apart.

    A part of the password would be read as the host, and so end up in error messages.
    """
    if database.partition("?")[0].count("@") > 1:
        raise BadAddress(
            f"the password in the address of {masked(database)} must be written with %40 "
            f"for @ (and %2F for /, %3A for :), which end it otherwise."
        )


def refuse_silent(tracking_uri: str) -> None:
    """Raise BadAddress within seconds if no store answers, or something else than a store does.

    MLflow itself would try for minutes.
    """
    scheme = tracking_uri.partition("://")[0]
    if scheme.partition("+")[0] in DATABASES[1:]:
        _refuse_silent_database(tracking_uri)
    if tracking_uri.startswith("databricks"):  # what it says there is said again by its error
        logging.getLogger("mlflow.utils.databricks_utils").setLevel(logging.ERROR)
    if scheme in ("http", "https"):
        limit_retries()
        if trouble := server.trouble_of_server(tracking_uri):
            raise BadAddress(trouble)


def _refuse_silent_database(tracking_uri: str) -> None:
    """Raise BadAddress if no connection to a database can be made within seconds."""
    from sqlalchemy import create_engine

    refuse_ambiguous(tracking_uri)
    timeout = {} if tracking_uri.startswith("mssql") else {"connect_timeout": 5}
    try:
        engine = create_engine(tracking_uri, connect_args=timeout)
        engine.connect().close()
        engine.dispose()
    except Exception as error:  # of SQLAlchemy, of the driver of a database
        raise BadAddress(
            f"the store {masked(tracking_uri)} must be up, but: {short_reason(error)}."
        ) from error


def refuse_password(tracking_uri: str) -> None:
    """Raise BadAddress if the address of a server holds a user name, a password or a token.

    It would end up in error messages, and so in the record.
    """
    try:
        parts = urlsplit(tracking_uri)
    except ValueError as error:  # brackets that do not hold an IPv6 address
        raise BadAddress(
            f"the tracking URI must be an address such as http://HOST:PORT, but "
            f"{masked(tracking_uri)!r} is none ({error})."
        ) from error
    is_server = parts.scheme in ("http", "https")
    if is_server and ("@" in parts.netloc or masked(tracking_uri) != tracking_uri):
        raise BadAddress(
            f"the tracking URI must hold no user name, password or token, but that of "
            f"{parts.hostname} does: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
            f"MLFLOW_TRACKING_TOKEN, or write the first two into ~/.mlflow/credentials."
        )


@contextmanager
def refusing_outage(tracking_uri: str, remedy: str) -> Iterator[None]:
    """Turn an error of the store within the block into a BadAddress.

    remedy: what the user is told to do once the store does what it is asked.

    Raises:
        BadAddress: the block raised an error of MLflow, or of a library below it.
    """
    try:
        yield
    except Exception as error:
        if not errors.is_of_store(error):
            raise
        text = errors.sentence(error, masked(tracking_uri))
        raise BadAddress(f"{text.rstrip('.')}, then {remedy}.") from error


def limit_retries() -> None:
    """Have MLflow try each request once, for at most 30 s, unless the environment says otherwise."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")  # seconds, for a server that hangs


@cache
def connect(tracking_uri: str) -> MlflowClient:
    """Return a client of MLflow that raises at once when the store is away.

    MLflow by itself would repeat a request for minutes, and might so carry it out twice. Callers
    know better how long to wait.
    """
    limit_retries()
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    from mlflow import MlflowClient

    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
    return MlflowClient(tracking_uri)
