"""Make a tracking store ready for use: its tables in a new database, none in any other."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, nullcontext
from pathlib import Path
from threading import Timer

from filelock import FileLock

from analysis.record.names import TABLES, lost_tables
from sweep.tracking.store import addresses
from trainables.schema.text.masking import masked
from trainables.schema.text.shown import MAX_NAME, as_word

MAX_CHECK_S = 3.0  # in which some gigabyte is looked at
OF_VERSION = "alembic_version"  # a table


def prepare_store(tracking_uri: str) -> None:
    """Check that MLflow can use a store, and create the tables of a new database.

    A lock beside an SQLite file lets one process alone create its tables.

    Raises:
        BadAddress: the store cannot be used; the sentence says how to name one that can.
    """
    addresses.refuse_password(tracking_uri)
    addresses.refuse_unknown(tracking_uri)
    addresses.refuse_silent(tracking_uri)
    scheme, _, rest = tracking_uri.partition("://")
    if scheme in ("http", "https"):
        return
    if scheme == "sqlite" and set(rest) & set("%?#"):
        raise addresses.BadAddress(
            f"the path of the store must be without %, ? and #, which mean something else in the "
            f"address of a database, but got {as_word(rest, MAX_NAME)}: set "
            f"SWEEP_HOME to another folder."
        )
    addresses.refuse_ambiguous(tracking_uri)
    file = Path(rest.removeprefix("/")) if scheme == "sqlite" else None
    if file and os.path.isdir(file):  # MLflow would try to open it for minutes
        raise addresses.BadAddress(
            f"the store {file} must be a file, but is a folder: name a file in it."
        )
    try:
        with FileLock(f"{file}.lock") if file else nullcontext():
            # Within the lock, as another process may be making the tables.
            _refuse_other_tables(tracking_uri)
            if file and is_new_file(tracking_uri):
                _make_file(file)
            elif file:
                _refuse_damaged(file)
            addresses.connect(tracking_uri).search_experiments(max_results=1)
    except addresses.BadAddress:
        raise
    except Exception as error:  # of SQLAlchemy, of the driver of a database, of MLflow
        raise addresses.BadAddress(
            f"the store {masked(tracking_uri)} must be one that can be written, but: "
            f"{addresses.short_reason(error)}."
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
        raise addresses.BadAddress(
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
    addresses.connect(f"sqlite:///{unfinished}").search_experiments(max_results=1)
    unfinished.replace(file)


def _refuse_other_tables(tracking_uri: str) -> None:
    """Raise BadAddress if a database has lost tables of MLflow, or is that of another program.

    MLflow would make its tables in it.

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
    if lost := lost_tables(tables):
        raise addresses.BadAddress(
            f"the store {masked(tracking_uri)} must be whole, but lacks these tables: "
            f"{', '.join(lost)}; put a copy back; or move it away, then `sweep sync NAME` records a "
            "sweep anew from its journal."
        )
    if TABLES[0] in tables or not tables or not (is_file or OF_VERSION in tables):
        return
    whose = "of Optuna" if "studies" in tables else f"with {', '.join(sorted(tables)[:3])}"
    raise addresses.BadAddress(
        f"the store {masked(tracking_uri)} must be new or a database of MLflow, but is one "
        f"{whose}: name another one with --tracking-uri."
    )
