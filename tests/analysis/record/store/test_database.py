"""Runs read from the tables of a real store are those that MLflow's client gives."""

import math
import shutil
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from analysis.record import mlflow_client
from analysis.record.mlflow_client import Store, read_artifact, runs_with, sweep_run, sweep_runs
from analysis.record.names import Role, Tag
from analysis.record.reader import list_sweeps, read_sweep
from analysis.record.store.database import Run, open_database

pytestmark = pytest.mark.timeout(120)  # whichever test is the first makes the store
EARLIER = Path(__file__).parents[3] / "assets" / "before-the-move.tar.xz"


@pytest.fixture(scope="module")
def odd(store, tmp_path_factory) -> str:
    """The address of a copy of the store with runs that are unlike those of a sound sweep."""
    from mlflow import MlflowClient
    from mlflow.entities import Metric

    folder = tmp_path_factory.mktemp("odd")
    uri = f"sqlite:///{shutil.copy(store.removeprefix('sqlite:///'), folder)}"
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("hand").experiment_id
    parent = sweep_run(Store(uri), "hand").info.run_id
    for number in (90, 91, 92, 93):
        tags = {Tag.ROLE: Role.TRIAL, Tag.PARENT: parent, Tag.TRIAL: str(number)}
        run_id = client.create_run(experiment, start_time=1000, tags=tags).info.run_id
        client.set_tag(run_id, Tag.REASON, "ä'%_" * 2000)
        client.log_param(run_id, "long", "p" * 6000)
        numbers = [math.nan, math.inf, -math.inf, 1e-320, 0.1]
        client.log_batch(run_id, [Metric(f"m/{n}", value, 5, 0) for n, value in enumerate(numbers)])
        # Of equal steps the later time is the last value, of equal times the larger number.
        points = [(0.1, 7, 3), (0.2, 9, 3), (0.3, 8, 3), (5.0, 1, 2), (0.9, 9, 3), (math.nan, 9, 3)]
        client.log_batch(run_id, [Metric("again", *point) for point in points])
        if number == 91:
            client.delete_run(run_id)
        if number == 92:
            client.set_terminated(run_id, "KILLED")
    gone = client.create_experiment("gone")
    client.create_run(gone, tags={Tag.ROLE: Role.SWEEP, Tag.NAME: "gone"})
    client.delete_experiment(gone)
    return uri


@pytest.fixture(scope="module")
def earlier(tmp_path_factory) -> str:
    """The address of the store of a sweep of an earlier release."""
    folder = tmp_path_factory.mktemp("earlier")
    with tarfile.open(EARLIER) as archive:
        archive.extract("sweeps/mlflow.db", folder, filter="data")
    return f"sqlite:///{folder}/sweeps/mlflow.db"


def by_client(uri: str) -> Store:
    """Return a store that MLflow's client reads."""
    store = Store(uri)
    store.__dict__["database"] = None
    return store


def comparable(runs: list[Run]) -> list[str]:
    """Return runs as texts, in which every number has all its digits, and NaN equals NaN."""
    return [
        repr((run.info, *(sorted(part.items()) for part in vars(run.data).values())))
        for run in runs
    ]


@pytest.mark.parametrize("name", ["store", "odd", "earlier"])
def test_both_readers_give_the_same_runs_in_the_same_order(name, request):
    uri = request.getfixturevalue(name)
    direct, client = Store(uri), by_client(uri)
    assert direct.database
    assert direct.experiment_ids() == sorted(client.experiment_ids(), key=int)
    parents = sweep_runs(direct)
    assert comparable(parents) == comparable(sweep_runs(client))
    assert parents
    for parent in parents:
        ids = direct.experiment_ids(parent.data.tags[Tag.NAME])
        assert (
            ids == client.experiment_ids(parent.data.tags[Tag.NAME]) == [parent.info.experiment_id]
        )
        of_trials = {Tag.PARENT: parent.info.run_id, Tag.ROLE: Role.TRIAL}
        assert comparable(runs_with(direct, ids, of_trials)) == comparable(
            runs_with(client, ids, of_trials)
        )
        light = runs_with(direct, ids, of_trials, tags_alone=True)
        assert [(run.info, run.data.tags) for run in light] == [
            (run.info, run.data.tags) for run in runs_with(client, ids, of_trials)
        ]
    for name in ("gone", "absent"):
        assert direct.experiment_ids(name) == client.experiment_ids(name)


def test_the_runs_that_are_compared_have_odd_values(odd):
    runs = {run.data.tags[Tag.TRIAL]: run for run in runs_with(Store(odd), *trials_of(odd))}
    assert {"90", "92", "93"} <= runs.keys()
    assert "91" not in runs, "it was deleted"
    data = runs["92"].data
    assert math.isnan(data.metrics["m/0"])
    assert data.metrics["m/3"] == 1e-320
    assert len(data.tags[Tag.REASON]) == 8000
    assert runs["92"].info.status == "KILLED"


def trials_of(uri: str) -> tuple[list[str], dict[str, str]]:
    """Return the ids of the experiment of the sweep `hand`, and the tags of its trials."""
    parent = sweep_run(Store(uri), "hand")
    return [parent.info.experiment_id], {Tag.PARENT: parent.info.run_id}


@pytest.mark.parametrize("name", ["store", "odd"])
def test_both_readers_give_the_same_tables(name, request, monkeypatch):
    uri = request.getfixturevalue(name)
    listed, sweep = list_sweeps(tracking_uri=uri), read_sweep("hand", tracking_uri=uri)
    monkeypatch.setattr(mlflow_client, "open_database", lambda _: None)
    pd.testing.assert_frame_equal(list_sweeps(tracking_uri=uri), listed, check_exact=True)
    again = read_sweep("hand", tracking_uri=uri)
    pd.testing.assert_frame_equal(again.trials, sweep.trials, check_exact=True)
    assert (again.base, again.state, again.commit) == (sweep.base, sweep.state, sweep.commit)


def test_an_artifact_in_a_folder_is_read_as_the_client_downloads_it(store):
    run_id = sweep_run(Store(store), "hand").info.run_id
    for name in ("declarations.json", "sweep.yaml", "absent.txt"):
        text = read_artifact(Store(store), run_id, name)
        assert text == read_artifact(by_client(store), run_id, name)
        assert (text is None) == (name == "absent.txt")


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE runs ADD COLUMN owner TEXT",
        "ALTER TABLE latest_metrics RENAME COLUMN is_nan TO nan",
        "DROP TABLE params",
    ],
)
def test_a_database_with_other_tables_is_left_to_the_client_and_said(
    store, tmp_path, change, caplog
):
    file = shutil.copy(store.removeprefix("sqlite:///"), tmp_path)
    assert open_database(f"sqlite:///{file}")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(change)
    assert open_database(f"sqlite:///{file}") is None
    (warning,) = caplog.messages
    assert warning.startswith(
        f"the store sqlite:///{file} has tables of a release of MLflow that is not"
    )


def test_a_server_is_left_to_the_client_and_so_is_a_database_that_cannot_be_opened(tmp_path):
    assert open_database("http://127.0.0.1:1") is None
    assert open_database(f"sqlite:///{tmp_path}") is None


def test_a_store_whose_experiments_are_in_workspaces_is_left_to_the_client(store, monkeypatch):
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")
    assert open_database(store) is None
