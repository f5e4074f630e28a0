"""Requests to MLflow, and stores that are absent, foreign or without the sweep."""

import shutil
import sqlite3
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


def test_a_file_that_does_not_exist_is_not_made(tmp_path):
    uri = f"sqlite:///{tmp_path / 'deep' / 'none.db'}"
    for read in (
        lambda: read_sweep("any", tracking_uri=uri),
        lambda: list_sweeps(tracking_uri=uri),
    ):
        with pytest.raises(ValueError, match=r"there is no MLflow record at .* does not exist"):
            read()
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_something_else_is_left_as_it_is(tmp_path):
    study, text = tmp_path / "study.db", tmp_path / "words.txt"
    with sqlite3.connect(study) as connection:
        connection.execute("CREATE TABLE studies (name TEXT)")
    text.write_text("not a database at all, but long enough to be looked at" * 9)
    before = study.read_bytes(), text.read_bytes()
    with pytest.raises(ValueError, match="it has no table of experiments"):
        list_sweeps(tracking_uri=f"sqlite:///{study}")
    with pytest.raises(ValueError, match="cannot be read as an MLflow record"):
        list_sweeps(tracking_uri=f"sqlite:///{text}")
    assert (study.read_bytes(), text.read_bytes()) == before


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
