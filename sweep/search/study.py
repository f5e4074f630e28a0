"""The Optuna study of a sweep: open it, read it, delete it.

Its storage is Optuna's own journal in the sweep's folder (a Path), or a database (a URL).
"""

from __future__ import annotations

import os
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from optuna.storages import BaseStorage, RDBStorage
from optuna.trial import TrialState

from analysis.record import names
from analysis.record.names import EndState
from sweep.outcome import Outcome
from sweep.search.journal import open_journal, refuse_folder
from sweep.search.marked_file import mark_of
from sweep.tracking.store.addresses import BadAddress, refuse_ambiguous, short_reason
from trainables.schema.text.masking import masked
from trainables.schema.text.printable import in_one_line

if TYPE_CHECKING:
    from sweep.config.spec import SweepSpec

OPTUNA_STATES: dict[EndState, TrialState] = {
    names.TrialState.COMPLETE: TrialState.COMPLETE,
    names.TrialState.PRUNED: TrialState.PRUNED,
    names.TrialState.FAILED: TrialState.FAIL,
}
DATABASES = ("postgresql", "mysql", "mariadb", "sqlite")  # that Optuna can use
RECONNECT_S = 60.0  # during which a database that restarts is tried again


def open_study(search_storage: Path | str, spec: SweepSpec) -> optuna.Study:
    """Return the study of a sweep, which is created unless there is one.

    No other process may write to it: the caller holds the lock of the sweep.

    Args:
        search_storage: the path of a journal, or the URL of a database.
        spec: the sweep.

    Raises:
        BadAddress: the database cannot be used.
        DamagedFile: the journal is not as it was written (sweep/tracking/whole_file.py).
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if isinstance(search_storage, Path):
        storage = open_journal(search_storage)
    else:
        storage = _database(search_storage, RECONNECT_S)
    return optuna.create_study(
        study_name=spec.name,
        storage=storage,
        directions=["minimize"] * len(spec.goals),  # the values are costs (Metric.cost)
        load_if_exists=True,
    )


def outcomes(study: optuna.Study) -> list[Outcome]:
    """Return the outcomes of the trials of a study that have ended, in the order of their ends."""
    names = {state: name for name, state in OPTUNA_STATES.items()}
    ended = [trial for trial in study.get_trials(deepcopy=False) if trial.state in names]
    ended.sort(key=lambda trial: (trial.datetime_complete or datetime.min, trial.number))
    return [
        Outcome(trial.number, names[trial.state], trial.user_attrs.get("failure", ""))
        for trial in ended
    ]


def has_study(search_storage: Path | str, name: str) -> bool:
    """Return whether a journal exists, or a database holds a study of this name.

    Raises:
        BadAddress: the database cannot be used.
    """
    if isinstance(search_storage, Path):
        return search_storage.exists()
    file = _absent_file(search_storage)
    # To ask must not make it.
    if file and file.parent.is_dir() and os.access(file.parent, os.W_OK):
        _refuse_without_driver(search_storage)
        return False
    return name in optuna.get_all_study_names(_database(search_storage))


def delete_study(search_storage: Path | str, name: str) -> None:
    """Delete a journal, or every version of the study of this name in a database.

    Nothing happens if there is no such study. On versions, see sweep/search/versions.py.

    Raises:
        BadAddress: the database cannot be used.
        DamagedFile: a folder is where the journal must be (sweep/tracking/whole_file.py).
    """
    if isinstance(search_storage, Path):
        refuse_folder(search_storage)
        search_storage.unlink(missing_ok=True)
        mark_of(search_storage).unlink(missing_ok=True)
        return
    if _absent_file(search_storage):
        return
    database = _database(search_storage)
    for study_name in optuna.get_all_study_names(database):
        if study_name.partition("@")[0] == name:  # names of sweeps have no @
            optuna.delete_study(study_name=study_name, storage=database)


def _absent_file(url: str) -> Path | None:
    """Return the path of an SQLite file that is not there; None if it is, and for other databases."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parts = make_url(url)
        name = parts.database or ":memory:"
        is_path = parts.get_backend_name() == "sqlite" and not name.startswith((":", "file:"))
        return Path(name) if is_path and not Path(name).exists() else None
    except (ArgumentError, OSError):  # opening it says what is wrong
        return None


def _refuse_without_driver(url: str) -> None:
    """Raise BadAddress if there is no library, or none for us, by which Optuna can use a database."""
    from sqlalchemy import create_engine
    from sqlalchemy.exc import ArgumentError

    try:
        reason = "its library waits by asyncio" if create_engine(url).dialect.is_async else ""
    except (ImportError, ArgumentError) as error:  # it loads the library, and connects to nothing
        reason = short_reason(error)
    if reason:
        raise _unusable(url, reason)


def _unusable(url: str, reason: str) -> BadAddress:
    """Return the error for a database that cannot be used, given why, as a clause."""
    return BadAddress(
        f"the storage {in_one_line(masked(url))} must be a database that can be written, but: {reason}."
    )


def _database(url: str, retry_s: float = 0.0) -> BaseStorage:
    """Return the Optuna storage in a database.

    A connection that the server has dropped is made anew.

    Args:
        url: of the database, with its password.
        retry_s: seconds during which a connection that fails is tried again, as the server restarts.

    Raises:
        BadAddress: the URL is that of no database, or the database cannot be used.
    """
    import sqlalchemy

    if url.partition(":")[0].partition("+")[0] not in DATABASES:
        raise BadAddress(
            f"the storage must be a database, as postgresql://USER@HOST/NAME, but got "
            f"{masked(url)!r}: leave it out for a journal in the sweep's folder."
        )
    refuse_ambiguous(url)
    try:
        storage = RDBStorage(url, engine_kwargs={"pool_pre_ping": True})
    except Exception as error:  # of SQLAlchemy, of the database's driver, of Optuna
        raise _unusable(url, short_reason(error)) from error

    @sqlalchemy.event.listens_for(storage.engine, "do_connect")
    def connect(dialect: Any, _: Any, args: Any, options: Any) -> Any:
        """Return a connection; SQLAlchemy calls this whenever it needs one."""
        give_up_at = time.monotonic() + retry_s
        while True:
            try:
                return dialect.connect(*args, **options)
            except dialect.loaded_dbapi.OperationalError:
                if time.monotonic() >= give_up_at:
                    raise
                time.sleep(0.5)

    return storage
