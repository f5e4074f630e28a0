"""Read runs from the tables of MLflow's database, in a few queries for all of them.

MLflow's client would make an object of each value, and its import alone costs seconds. What is read is
the same. A database whose tables are not those of MLFLOW_TABLES is left to the client, which is said.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from analysis.record.names import DATABASES, TABLES
from analysis.record.store.existing import LOCKED_S
from trainables.schema.text.masking import masked

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Engine, Select

log = logging.getLogger(__name__)

# Table -> (columns that are read, columns that may be there besides), as MLflow 3.17 has them.
MLFLOW_TABLES = {
    "experiments": (
        "experiment_id name lifecycle_stage",
        "workspace artifact_location creation_time last_update_time",
    ),
    "runs": (
        "run_uuid experiment_id status start_time end_time artifact_uri lifecycle_stage",
        "name source_type source_name entry_point_name user_id deleted_time source_version",
    ),
    "tags": ("key value run_uuid", ""),
    "params": ("key value run_uuid", ""),
    "latest_metrics": ("key value is_nan run_uuid", "timestamp step"),
    "metrics": ("key value is_nan run_uuid timestamp step", ""),
}
ACTIVE = "active"  # stage of what a user has not deleted
ROWS_AT_ONCE = 500
RUNS_AT_ONCE = 500  # databases limit how many values a query may name


@dataclass
class RunInfo:
    """What a run is: MLflow's id, status (RUNNING, FINISHED, …), times in milliseconds since 1970."""

    run_id: str
    experiment_id: str
    status: str
    start_time: int | None  # None where somebody else made the run
    end_time: int | None
    artifact_uri: str


@dataclass
class RunData:
    """What a run has: tags, parameters, and the last value of each metric, by their names."""

    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass
class Run:
    """A run as the record has it, named as in MLflow."""

    info: RunInfo
    data: RunData


class Point(NamedTuple):
    """A value of a metric of a run at a step."""

    run_id: str
    name: str
    step: int
    value: float


class Database:
    """The tables of an MLflow store, which are only read."""

    def __init__(self, engine: Engine) -> None:
        """Read nothing yet. engine: of a database that `open_database` has looked at."""
        from sqlalchemy import column, table

        self._engine = engine
        self._tables = {
            name: table(name, *(column(word) for word in read.split()))
            for name, (read, _) in MLFLOW_TABLES.items()
        }

    def experiment_ids(self, name: str | None = None) -> list[str]:
        """Return the ids of the experiments of this name, or of all; of those that were not deleted."""
        from sqlalchemy import select

        table = self._tables["experiments"].c
        query = select(table.experiment_id).where(table.lifecycle_stage == ACTIVE)
        if name is not None:
            query = query.where(table.name == name)
        return [str(number) for (number,) in self._rows(query)]

    def artifact_uri(self, run_id: str) -> str | None:
        """Return where the artifacts of a run are; None if there is no such run."""
        from sqlalchemy import select

        runs = self._tables["runs"].c
        query = select(runs.artifact_uri).where(runs.run_uuid == run_id)
        return next((str(uri) for (uri,) in self._rows(query)), None)

    def runs(
        self, experiment_ids: Iterable[str], tags: Mapping[str, str], *, tags_alone: bool = False
    ) -> list[Run]:
        """Return the runs of these experiments that have these tags and were not deleted, oldest first.

        tags_alone: whether to leave out parameters and metrics.
        """
        from sqlalchemy import case, select

        tables = self._tables
        runs = tables["runs"].c
        numbers = [int(number) for number in experiment_ids]
        of_runs = [runs.experiment_id.in_(numbers), runs.lifecycle_stage == ACTIVE]
        for name, value in tags.items():
            own = tables["tags"].c
            has = select(own.run_uuid).where(own.key == name, own.value == value)
            of_runs.append(runs.run_uuid.in_(has))
        columns = (runs.run_uuid, runs.experiment_id, runs.status, runs.start_time, runs.end_time)
        last = case((runs.start_time.is_(None), 1), else_=0)
        order = (last, runs.start_time, runs.run_uuid)
        query = select(*columns, runs.artifact_uri).where(*of_runs).order_by(*order)
        found = {
            row[0]: Run(RunInfo(row[0], str(row[1]), *row[2:]), RunData())
            for row in self._rows(query)
        }
        self._fill(found, "tags", lambda data: data.tags, of_runs)
        if not tags_alone:
            # After the tags: a run that has ended then has all that it was given before its end.
            self._fill(found, "params", lambda data: data.params, of_runs)
            self._fill(found, "latest_metrics", lambda data: data.metrics, of_runs)
        return list(found.values())

    def points(self, run_ids: Sequence[str], leave_out: Sequence[str]) -> Iterator[Point]:
        """Yield every value that was ever logged of some runs; of a step the one that counts last.

        leave_out: how the names of metrics begin that are not read.
        """
        from sqlalchemy import select

        own = self._tables["metrics"].c
        wanted = [own.key.not_like(f"{beginning}%") for beginning in leave_out]
        for start in range(0, len(run_ids), RUNS_AT_ONCE):
            some = own.run_uuid.in_(run_ids[start : start + RUNS_AT_ONCE])
            columns = (own.run_uuid, own.key, own.step, own.value, own.is_nan)
            query = select(*columns).where(some, *wanted).order_by(own.timestamp, own.value)
            for run_id, name, step, value, is_nan in self._rows(query):
                is_none = is_nan or not isinstance(value, int | float)
                yield Point(run_id, name, step, math.nan if is_none else value)

    def _fill(
        self,
        found: Mapping[str, Run],
        name: str,
        part: Callable[[RunData], dict[str, Any]],
        of_runs: list[ColumnElement[bool]],
    ) -> None:
        """Read the rows of a table that belong to some runs into a part of their data."""
        from sqlalchemy import select

        own, runs = self._tables[name].c, self._tables["runs"].c
        is_metric = name == "latest_metrics"
        columns = [own.run_uuid, own.key, own.value, *([own.is_nan] if is_metric else [])]
        query = select(*columns).where(own.run_uuid.in_(select(runs.run_uuid).where(*of_runs)))
        parts = {run_id: part(run.data) for run_id, run in found.items()}
        for run_id, key, value, *is_nan in self._rows(query):
            if (values := parts.get(run_id)) is not None:
                is_none = is_nan and (is_nan[0] or not isinstance(value, int | float))
                values[key] = math.nan if is_none else value

    def _rows(self, query: Select[Any]) -> Iterator[Any]:
        """Yield the rows that a query gives.

        A few at a time: Python's garbage collector would look through hundreds of thousands again and
        again, which takes longer than reading them.
        """
        with self._engine.connect() as connection:
            for rows in connection.execute(query).partitions(ROWS_AT_ONCE):
                yield from rows


def open_database(tracking_uri: str) -> Database | None:
    """Return the database of a store; None if it is none whose tables are known.

    Nothing is written to it. A database that cannot be opened is none either: MLflow's client says why.
    """
    is_database = tracking_uri.partition(":")[0].partition("+")[0] in DATABASES
    # With workspaces, the client alone knows which of the experiments are meant.
    if not is_database or os.environ.get("MLFLOW_ENABLE_WORKSPACES", "").lower() in ("true", "1"):
        return None
    from sqlalchemy import NullPool, create_engine, inspect

    options = {"timeout": LOCKED_S} if tracking_uri.startswith("sqlite") else {}
    try:
        # No connection is kept: another file may be put where an SQLite file was.
        engine = create_engine(tracking_uri, connect_args=options, poolclass=NullPool)
        looked_at = inspect(engine)
        tables = looked_at.get_table_names()
        if TABLES[0] not in tables:
            return None
        for name, (read, others) in MLFLOW_TABLES.items():
            found = looked_at.get_columns(name) if name in tables else []
            columns = {column["name"] for column in found}
            known = {*read.split(), *others.split()}
            if other := (columns - known) | ({*read.split()} - columns):
                log.warning(
                    "the store %s has tables of a release of MLflow that is not known here (%s: %s), "
                    "and is read by MLflow itself, which takes longer",
                    masked(tracking_uri), name, ", ".join(sorted(other)),
                )  # fmt: skip
                return None
    except Exception:  # of SQLAlchemy, of the driver of a database
        return None
    return Database(engine)
