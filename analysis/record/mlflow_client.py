"""Requests to MLflow that only read: pages of runs, the run of a sweep, artifacts."""

from __future__ import annotations

import os
import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from analysis.record.names import Role, Tag, having
from analysis.record.sweep import UnknownSweep

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


RUNS_A_PAGE = 1000


def connect(tracking_uri: str) -> MlflowClient:
    _refuse_absent_file(tracking_uri)
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=tracking_uri)


def _refuse_absent_file(tracking_uri: str) -> None:
    # MLflow creates the file, or its tables in a database of something else: a reader must not.
    scheme, _, path = tracking_uri.partition(":///")
    if scheme.partition("+")[0] != "sqlite":
        return
    path = path.partition("?")[0]
    if not Path(path).is_file():
        raise ValueError(
            f"there is no MLflow record at {tracking_uri}: the file does not exist; name the store "
            "that the sweep wrote to, such as sqlite:///mlflow.db or the address of a server."
        )
    connection = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True)
    try:
        tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
    except sqlite3.DatabaseError as error:
        raise ValueError(f"{tracking_uri} cannot be read as an MLflow record: {error}.") from error
    finally:
        connection.close()
    if ("experiments",) not in tables:
        raise ValueError(
            f"there is no MLflow record at {tracking_uri}: it has no table of experiments."
        )


def _pages(search: Callable[[str | None], Any]) -> Iterator[Any]:
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
    """Yield the runs of these experiments that have these tags, oldest first."""
    if not experiment_ids:
        return iter(())
    return _pages(
        lambda token: client.search_runs(
            experiment_ids,
            filter_string=having(tags),
            max_results=RUNS_A_PAGE,
            order_by=["attributes.start_time ASC"],
            page_token=token,
        )
    )


def sweep_runs(client: MlflowClient) -> list[Run]:
    experiments = _pages(lambda token: client.search_experiments(page_token=token))
    experiment_ids = [experiment.experiment_id for experiment in experiments]
    return list(runs_with(client, experiment_ids, {Tag.ROLE: Role.SWEEP}))


def sweep_run(client: MlflowClient, name: str, tracking_uri: str) -> Run:
    """The run of a sweep itself."""
    experiment = client.get_experiment_by_name(name)
    of_it = [] if experiment is None else [experiment.experiment_id]
    parents = list(runs_with(client, of_it, {Tag.ROLE: Role.SWEEP}))
    if not parents:
        known = sorted({run.data.tags[Tag.NAME] for run in sweep_runs(client)})
        raise UnknownSweep(
            f"{_without_password(tracking_uri)} has no sweep named {name!r}; "
            + (f"it has {', '.join(known)}." if known else "it has no sweeps yet.")
        )
    return parents[-1]


def read_artifact(client: MlflowClient, run_id: str, path: str) -> str:
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")  # one bar for each file
    with tempfile.TemporaryDirectory() as folder:
        # Bytes, not text: what is written out again must be what was stored, line ends included.
        return Path(client.download_artifacts(run_id, path, folder)).read_bytes().decode()


def _without_password(uri: str) -> str:
    scheme, separator, rest = uri.partition("://")
    rest = re.sub(r"(password=)[^&]*", r"\1***", rest)
    return (
        scheme + separator + rest.rpartition("@")[2] if "@" in rest else scheme + separator + rest
    )
