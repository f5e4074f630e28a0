"""Requests to MLflow, and stores that are absent, foreign or without the sweep."""

import shutil
import subprocess
import sys

import pytest

from analysis.record import mlflow_client
from analysis.record.reader import list_sweeps, read_sweep
from analysis.record.sweep import UnknownSweep

pytestmark = pytest.mark.timeout(120)  # whichever test is the first makes the store


def test_reading_goes_on_from_page_to_page(store, hand, monkeypatch):
    monkeypatch.setattr(mlflow_client, "RUNS_A_PAGE", 2)
    again = read_sweep("hand", tracking_uri=store)
    assert again.trials.equals(hand.trials)
    assert list_sweeps(tracking_uri=store)["complete"].sum() == 26


@pytest.mark.parametrize("name", ["hnad", "notes"])  # the second is an experiment, but no sweep
def test_an_unknown_sweep_is_refused_with_those_there_are(store, name):
    with pytest.raises(UnknownSweep, match=f"no sweep named '{name}'; it has begun, hand, three"):
        read_sweep(name, tracking_uri=store)


def test_a_store_without_sweeps_says_so(empty_store):
    assert list_sweeps(tracking_uri=empty_store).empty
    with pytest.raises(UnknownSweep, match="it has no sweeps yet"):
        read_sweep("any", tracking_uri=empty_store)


def test_no_password_is_shown(hand, store):
    assert store not in repr(hand)
    uri = "postgres://me:secret@db/x?token=secret"
    assert "secret" not in str(mlflow_client.OtherContent("items.parquet", uri))
    with pytest.raises(ValueError, match="there is no MLflow record") as error:
        mlflow_client.connect("sqlite:///nowhere.db?token=secret")
    assert "secret" not in str(error.value)


def test_what_a_killed_writer_has_left_half_done_is_taken_back(store, tmp_path):
    file = tmp_path / "mlflow.db"
    shutil.copy(store.removeprefix("sqlite:///"), file)
    code = f"""
import os, sqlite3
connection = sqlite3.connect({str(file)!r}, isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN")
connection.execute("UPDATE metrics SET value = 77")
os.abort()
"""
    subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert (tmp_path / "mlflow.db-journal").stat().st_size
    assert read_sweep("hand", tracking_uri=f"sqlite:///{file}").trials.equals(
        read_sweep("hand", tracking_uri=store).trials
    )
