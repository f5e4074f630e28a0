"""Requests to a store of MLflow that only read: the runs of sweeps and trials, and their artifacts.

A database, and artifacts in a folder, are read without MLflow, whose import alone costs seconds: it is
imported inside the functions, for what it alone can read.
"""

from __future__ import annotations

import errno
import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from analysis.record.names import Role, Tag, having, is_asked_for
from analysis.record.store.database import ACTIVE, Database, Run, RunData, RunInfo, open_database
from analysis.record.store.existing import refuse_no_record
from analysis.record.store.list_of_runs import gives_list_of_runs
from analysis.record.sweep import UnknownSweep
from trainables.schema.counted import counted
from trainables.schema.text.masking import masked

if TYPE_CHECKING:
    from mlflow import MlflowClient


log = logging.getLogger(__name__)

RUNS_A_PAGE = 1000


class NotDelivered(ValueError):
    """The store lacks an artifact of a trial."""


class OtherContent(ValueError):
    """The store gives something else for an artifact than a sweep writes, as a gateway may."""

    def __init__(self, artifact: str, tracking_uri: str) -> None:
        """Make the sentence of the error.

        artifact: its name, with its trial and sweep.
        """
        super().__init__(
            f"{artifact} must be what the sweep wrote, but the store {masked(tracking_uri)} "
            "gives something else: check any gateway before it."
        )


@dataclass(frozen=True)
class Store:
    """A store of MLflow that exists, and is only read."""

    tracking_uri: str = field(repr=False)  # may carry a password

    @cached_property
    def database(self) -> Database | None:
        """Its tables; None if it is a server, or has other tables than are known here."""
        return open_database(self.tracking_uri)

    @cached_property
    def client(self) -> MlflowClient:
        """MLflow's client, which costs seconds."""
        from mlflow import MlflowClient

        # It logs the errors of databases that it raises as well.
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
        return MlflowClient(tracking_uri=self.tracking_uri)

    def experiment_ids(self, name: str | None = None) -> list[str]:
        """Return the ids of the experiments of this name, or of all; of those that were not deleted."""
        if self.database:
            return self.database.experiment_ids(name)
        if name is None:
            found = _pages(lambda token: self.client.search_experiments(page_token=token))
            return [experiment.experiment_id for experiment in found]
        experiment = self.client.get_experiment_by_name(name)
        is_there = experiment is not None and experiment.lifecycle_stage == ACTIVE
        return [experiment.experiment_id] if is_there else []

    def folder_of(self, run_id: str) -> Path | None:
        """Return the folder of the artifacts of a run; None if they are not in the file system."""
        if self.database is None:
            return None
        uri = self.database.artifact_uri(run_id)
        if uri is None:
            return None
        try:
            parts = urlsplit(uri)
        except ValueError:  # brackets that hold no address
            return None
        if parts.scheme == "file" and parts.netloc in ("", "localhost"):
            return Path(url2pathname(parts.path))
        return None if parts.scheme else Path(url2pathname(uri))


def connect(tracking_uri: str) -> Store:
    """Return an existing store of MLflow.

    Raises:
        ValueError: tracking_uri is a database that does not exist or is no store of MLflow.
    """
    refuse_no_record(tracking_uri)
    return Store(tracking_uri)


def _pages(search: Callable[[str | None], Any]) -> Iterator[Any]:
    """Yield the entries of all pages of a search in MLflow.

    search: takes the token of a page (None for the first) and returns the page.
    """
    token: str | None = None
    while True:
        page = search(token)
        yield from page
        token = page.token
        if not token:
            return


def runs_with(
    store: Store,
    experiment_ids: list[str],
    tags: Mapping[str, str],
    *,
    tags_alone: bool = False,
    named_alone: bool = False,
) -> list[Run]:
    """Return the runs of these experiments that have these tags, oldest first.

    tags_alone: whether parameters and metrics are not needed, and may be left out.
    named_alone: whether a run is left out, which is said, that is that of a sweep without a name, or of
        a trial without a number, as others may make it.

    Raises:
        OtherContent: the store gives something else than a list of these runs.
    """
    if not experiment_ids:
        return []
    if store.database:
        runs = store.database.runs(experiment_ids, tags, tags_alone=tags_alone)
    else:
        runs = _runs_of_client(store.client, experiment_ids, tags)
    named = [run for run in runs if is_asked_for(run.data.tags, tags)]
    if len(named) < len(runs):
        if not named_alone or any(not tags.items() <= run.data.tags.items() for run in runs):
            raise OtherContent("its list of runs", store.tracking_uri)
        log.warning(
            "the store %s has %s without a name or a number that a sweep gives, left out here",
            masked(store.tracking_uri), counted(len(runs) - len(named), "run"),
        )  # fmt: skip
    if not runs and not gives_list_of_runs(store.tracking_uri, experiment_ids):
        raise OtherContent("its list of runs", store.tracking_uri)
    return named


def _runs_of_client(
    client: MlflowClient, experiment_ids: list[str], tags: Mapping[str, str]
) -> list[Run]:
    """Return by MLflow's client what `Database.runs` does by the tables."""
    found = _pages(
        lambda token: client.search_runs(
            experiment_ids,
            filter_string=having(tags),
            max_results=RUNS_A_PAGE,
            order_by=["attributes.start_time ASC"],
            page_token=token,
        )
    )
    return [
        Run(
            RunInfo(
                run.info.run_id,
                run.info.experiment_id,
                run.info.status,
                run.info.start_time,
                run.info.end_time,
                run.info.artifact_uri,
            ),
            RunData(dict(run.data.tags), dict(run.data.params), dict(run.data.metrics)),
        )
        for run in found
    ]


def sweep_runs(store: Store) -> list[Run]:
    """Return the parent run of every sweep in the store, oldest first."""
    return runs_with(store, store.experiment_ids(), {Tag.ROLE: Role.SWEEP}, named_alone=True)


def sweep_run(store: Store, name: str) -> Run:
    """Return the parent run of the sweep of this name.

    It is in the experiment of its name, unless a user has renamed that in MLflow's interface: then it
    is found by its tag, in any experiment.

    Raises:
        UnknownSweep: the store has no sweep of this name; the message lists those that it has.
    """
    parents = runs_with(store, store.experiment_ids(name), {Tag.ROLE: Role.SWEEP})
    if not parents:
        recorded = sweep_runs(store)
        parents = [run for run in recorded if run.data.tags[Tag.NAME] == name]
    if not parents:
        names = sorted({run.data.tags[Tag.NAME] for run in recorded})
        raise UnknownSweep(
            f"{masked(store.tracking_uri)} has no sweep named {name!r}; "
            + (f"it has {', '.join(names)}." if names else "it has no sweeps yet.")
        )
    return parents[-1]


def read_artifact(store: Store, run_id: str, path: str) -> str | None:
    """Return the text of an artifact of a run, with the line ends that were stored; None without it.

    Raises:
        Exception: of MLflow, or of a bucket: it is there, but is not given.
        UnicodeDecodeError: it is no text.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = download(store, run_id, path, folder)
        # Bytes, because reading as text would change the line ends.
        return None if file is None else file.read_bytes().decode()


def download(store: Store, run_id: str, path: str, folder: str) -> Path | None:
    """Return where an artifact of a run lies, or is downloaded to; None if the run has none.

    MLflow's client would not say why it is given none.

    folder: where it is downloaded to, unless it lies in the file system.

    Raises:
        Exception: of MLflow, or of a bucket: it is there, but is not given.
    """
    if (own_folder := store.folder_of(run_id)) is not None:
        try:
            return own_folder / path if (own_folder / path).is_file() else None
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                return None
            raise
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")  # one bar for each file
    uri = store.client.get_run(run_id).info.artifact_uri
    repository = get_artifact_repository(uri, store.tracking_uri)
    try:
        return Path(repository.download_artifacts(path, folder))
    except Exception:  # of MLflow, of the client of a bucket
        if any(entry.path == path for entry in store.client.list_artifacts(run_id)):
            raise
        return None
