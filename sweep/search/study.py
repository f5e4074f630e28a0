"""The Optuna study of a sweep: where it is kept, opened, read and deleted.

Kept in Optuna's own journal beside the sweep, or in a database that is named: a path or an URL.
"""

from __future__ import annotations

import os
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import TrialState

from sweep.outcome import Outcome, State
from sweep.tracking.addresses import BadAddress, refuse_ambiguous, short_reason, without_password

if TYPE_CHECKING:
    from sweep.config.spec import SweepSpec

OPTUNA_STATES: dict[State, TrialState] = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
DATABASES = ("postgresql", "mysql", "mariadb", "sqlite")
PATIENCE_S = 60.0  # with a database that restarts


def open_study(kept: Path | str, spec: SweepSpec) -> optuna.Study:
    """The study of a sweep, created unless there is one; the one writer must be the caller.

    Raises:
        BadAddress: the database cannot be used, or the journal not read.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(
        study_name=spec.name,
        storage=_journal(kept) if isinstance(kept, Path) else _database(kept, PATIENCE_S),
        directions=["minimize"] * len(spec.goals),  # of costs: a metric knows which way is better
        load_if_exists=True,
    )


def outcomes(study: optuna.Study) -> list[Outcome]:
    """Every trial that has ended, as the study knows it, in the order in which they did."""
    names = {state: name for name, state in OPTUNA_STATES.items()}
    ended = [trial for trial in study.get_trials(deepcopy=False) if trial.state in names]
    ended.sort(key=lambda trial: (trial.datetime_complete or datetime.min, trial.number))
    return [
        Outcome(trial.number, names[trial.state], trial.user_attrs.get("failure", ""))
        for trial in ended
    ]


def has_study(kept: Path | str, name: str) -> bool:
    """Whether there is a study of this name.

    Raises:
        BadAddress: the database cannot be used.
    """
    if isinstance(kept, Path):
        return kept.exists()
    return name in optuna.get_all_study_names(_database(kept))


def delete_study(kept: Path | str, name: str) -> None:
    """With all versions of its space (sweep/search/versions.py); nothing if there is none of this name.

    Raises:
        BadAddress: the database cannot be used.
    """
    if isinstance(kept, Path):
        kept.unlink(missing_ok=True)
        return
    storage = _database(kept)
    for known in optuna.get_all_study_names(storage):
        if known.partition("@")[0] == name:  # which no name of a sweep has
            optuna.delete_study(study_name=known, storage=storage)


def _journal(path: Path) -> BaseStorage:
    """What a killed writer left half-written is cut off: Optuna would refuse every later line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        written = path.read_bytes()
        whole = written[: written.rfind(b"\n") + 1]
        os.truncate(path, len(whole))
    lock = JournalFileOpenLock(str(path))
    Path(f"{path}.lock").unlink(missing_ok=True)  # of a killed writer: we hold the sweep's lock
    try:
        return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))
    except (ValueError, KeyError) as error:  # of json; of a line that is not of Optuna
        raise BadAddress(
            f"{path} must be a journal of Optuna, but cannot be read ({error}): put an intact copy "
            f"back, or start anew with --replace."
        ) from error


def _database(url: str, patience_s: float = 0.0) -> BaseStorage:
    """Connections that a restarted server has dropped are made anew, for as long as is waited."""
    import sqlalchemy

    if url.partition(":")[0].partition("+")[0] not in DATABASES:
        raise BadAddress(
            f"the storage must be a database, as postgresql://USER@HOST/NAME, but got "
            f"{without_password(url)!r}: leave it out for a journal in the sweep's folder."
        )
    refuse_ambiguous(url)
    try:
        storage = RDBStorage(url, engine_kwargs={"pool_pre_ping": True})
    except Exception as error:  # of SQLAlchemy, of the database's driver, of Optuna
        raise BadAddress(
            f"the storage {without_password(url)} must be a database that can be written, but: "
            f"{short_reason(error)}."
        ) from error

    @sqlalchemy.event.listens_for(storage.engine, "do_connect")
    def connect(dialect: Any, _: Any, args: Any, options: Any) -> Any:
        give_up = time.monotonic() + patience_s
        while True:
            try:
                return dialect.connect(*args, **options)
            except dialect.loaded_dbapi.OperationalError:
                if time.monotonic() >= give_up:
                    raise
                time.sleep(0.5)

    return storage
