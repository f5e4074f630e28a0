"""Requests to MLflow that only read: the runs of sweeps and trials, and their artifacts.

MLflow is imported inside the functions, because that costs seconds.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from analysis.record.names import Role, Tag, having, is_asked_for
from analysis.record.sweep import UnknownSweep
from trainables.schema.masking import masked

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


RUNS_A_PAGE = 1000
SEARCH_RUNS = "/api/2.0/mlflow/runs/search"


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


def connect(tracking_uri: str) -> MlflowClient:
    """Return an MLflow client of an existing store.

    Raises:
        ValueError: tracking_uri is an SQLite file that does not exist or is no store of MLflow.
    """
    _refuse_absent_file(tracking_uri)
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=tracking_uri)


def _refuse_absent_file(tracking_uri: str) -> None:
    """Refuse the address of an SQLite file that is absent or has no tables of MLflow.

    MLflow would create the file, or its tables in somebody else's database, which a reader must not.

    Raises:
        ValueError: tracking_uri is such an address.
    """
    scheme, _, path = tracking_uri.partition(":///")
    if scheme.partition("+")[0] != "sqlite":
        return
    path = path.partition("?")[0]
    if not Path(path).is_file():
        raise ValueError(
            f"there is no MLflow record at {masked(tracking_uri)}: the file does not exist; name the "
            "store that the sweep wrote to, such as sqlite:///mlflow.db or the address of a server."
        )
    connection = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True)
    try:
        tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
    except sqlite3.DatabaseError as error:
        raise ValueError(
            f"{masked(tracking_uri)} cannot be read as an MLflow record: {error}."
        ) from error
    finally:
        connection.close()
    if ("experiments",) not in tables:
        raise ValueError(
            f"there is no MLflow record at {masked(tracking_uri)}: it has no table of experiments."
        )


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
    client: MlflowClient, experiment_ids: list[str], tags: Mapping[str, str]
) -> Iterator[Run]:
    """Yield the runs of these experiments that have these tags, oldest first.

    Raises:
        OtherContent: the store gives something else than a list of these runs.
    """
    if not experiment_ids:
        return
    is_empty = True
    for run in _pages(
        lambda token: client.search_runs(
            experiment_ids,
            filter_string=having(tags),
            max_results=RUNS_A_PAGE,
            order_by=["attributes.start_time ASC"],
            page_token=token,
        )
    ):
        is_empty = False
        if not is_asked_for(run.data.tags, tags):
            raise OtherContent("its list of runs", client.tracking_uri)
        yield run
    if is_empty:
        _refuse_no_list(client.tracking_uri, experiment_ids)


def _refuse_no_list(tracking_uri: str, experiment_ids: list[str]) -> None:
    """Ask a server for a run, as MLflow's client takes an answer without content for no runs.

    Raises:
        OtherContent: the server answers with no list of runs.
    """
    if not tracking_uri.startswith(("http://", "https://")):
        return
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    asked = {"experiment_ids": experiment_ids, "max_results": 1}
    answer = http_request(get_default_host_creds(tracking_uri), SEARCH_RUNS, "POST", json=asked)
    try:
        tree = answer.json()
    except ValueError:
        tree = None
    if answer.ok and not (isinstance(tree, dict) and tree.keys() <= {"runs", "next_page_token"}):
        raise OtherContent("its list of runs", tracking_uri)


def sweep_runs(client: MlflowClient) -> list[Run]:
    """Return the parent run of every sweep in the store, oldest first."""
    experiments = _pages(lambda token: client.search_experiments(page_token=token))
    experiment_ids = [experiment.experiment_id for experiment in experiments]
    return list(runs_with(client, experiment_ids, {Tag.ROLE: Role.SWEEP}))


def sweep_run(client: MlflowClient, name: str, tracking_uri: str) -> Run:
    """Return the parent run of the sweep of this name.

    tracking_uri: the address of the client's store, for the error message.

    Raises:
        UnknownSweep: the store has no sweep of this name; the message lists those that it has.
    """
    experiment = client.get_experiment_by_name(name)
    experiment_ids = [] if experiment is None else [experiment.experiment_id]
    parents = list(runs_with(client, experiment_ids, {Tag.ROLE: Role.SWEEP}))
    if not parents:
        names = sorted({run.data.tags[Tag.NAME] for run in sweep_runs(client)})
        raise UnknownSweep(
            f"{masked(tracking_uri)} has no sweep named {name!r}; "
            + (f"it has {', '.join(names)}." if names else "it has no sweeps yet.")
        )
    return parents[-1]


def read_artifact(client: MlflowClient, run_id: str, path: str) -> str:
    """Return the text of an artifact of a run, with the line ends that were stored.

    Raises:
        mlflow.exceptions.MlflowException: the run has no artifact at this path.
    """
    with tempfile.TemporaryDirectory() as folder:
        # Bytes, because reading as text would change the line ends.
        return download(client, run_id, path, folder).read_bytes().decode()


def download(client: MlflowClient, run_id: str, path: str, folder: str) -> Path:
    """Download an artifact of a run into a folder, and return where it is.

    MLflow's client would not say why it is given none.

    Raises:
        mlflow.exceptions.MlflowException: it is not given; the message has the code, if there is one.
    """
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")  # one bar for each file
    uri = client.get_run(run_id).info.artifact_uri
    return Path(get_artifact_repository(uri, client.tracking_uri).download_artifacts(path, folder))


def has_artifact(client: MlflowClient, run_id: str, path: str) -> bool:
    """Return whether a run has an artifact of this name at the top."""
    return any(entry.path == path for entry in client.list_artifacts(run_id))
