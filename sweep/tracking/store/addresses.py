"""Addresses of tracking stores and search storages: refuse bad ones, hide passwords, connect."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from analysis.record.names import DATABASES
from sweep.tracking.store import errors, server
from trainables.schema.text.addresses import HIDDEN
from trainables.schema.text.masking import holds_secret, masked
from trainables.schema.text.shown import first_line

if TYPE_CHECKING:
    from mlflow import MlflowClient


# Packages of drivers of databases that are not named as their modules are.
DRIVERS = {
    "psycopg": "-e '.[postgresql]'", "psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient",
}  # fmt: skip


class BadAddress(ValueError):
    """The address of a store that cannot, or must not, be used as it is."""


def short_reason(error: BaseException) -> str:
    """Return the first line of the error of a database, or how to install a driver that is missing."""
    cause = error.__cause__ or error
    if (module := missing_module(error)) is not None:
        package = DRIVERS.get(module, module)
        return f"its driver, {module}, is not installed: `pip install {package}` brings it"
    return masked(first_line(cause))


def missing_module(error: BaseException) -> str | None:
    """Return the Python module that an error of a database is about, as it is not installed, if any."""
    cause = error.__cause__ or error
    if not isinstance(cause, ModuleNotFoundError) or cause.name is None:
        return None
    return cause.name.partition(".")[0]


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
        must = "be one that can be reached" if missing_module(error) else "be up"
        raise BadAddress(
            f"the store {masked(tracking_uri)} must {must}, but: {short_reason(error)}."
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
    if is_server and ("@" in parts.netloc or holds_secret(tracking_uri)):
        raise BadAddress(
            "the tracking URI must hold no user name, password or token, but the given one does: set "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, or "
            "write the first two into ~/.mlflow/credentials."
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

    # It logs the errors of databases that it raises as well.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    return MlflowClient(tracking_uri)
