"""A database without a record of MLflow is refused, and left as it is."""

import shutil
import sqlite3
from contextlib import closing

import pytest

from analysis.record.names import TABLES
from analysis.record.reader import list_sweeps, read_state, read_sweep
from analysis.record.store.existing import refuse_no_record

pytestmark = pytest.mark.timeout(120)  # whichever test is the first makes the store

READERS = [
    lambda uri: list_sweeps(tracking_uri=uri),
    lambda uri: read_sweep("any", tracking_uri=uri),
    lambda uri: read_state("any", tracking_uri=uri),
]


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


def tables_of(uri):
    """The names of the tables in a database."""
    from sqlalchemy import create_engine, inspect

    engine = create_engine(uri)
    try:
        return inspect(engine).get_table_names()
    finally:
        engine.dispose()


@pytest.mark.parametrize("has_workspaces", [False, True])
@pytest.mark.parametrize("tables", [["orders"], []])
def test_a_database_of_a_server_is_refused_and_gets_no_tables(
    tables, has_workspaces, postgres, monkeypatch, capfd
):
    from sqlalchemy import create_engine, text

    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", str(has_workspaces).lower())
    uri = postgres.url(f"of_others_{len(tables)}")
    engine = create_engine(uri)
    with engine.begin() as connection:
        for name in tables:
            connection.execute(text(f"CREATE TABLE IF NOT EXISTS {name} (number INTEGER)"))
    engine.dispose()
    for read in READERS:
        with pytest.raises(ValueError, match="it has no table of experiments") as refused:
            read(uri)
        assert str(refused.value).startswith(
            "there is no MLflow record at postgresql://sweeper:***@"
        )
    assert tables_of(uri) == tables
    assert capfd.readouterr() == ("", "")


def test_a_server_and_a_database_that_gives_no_connection_are_left_to_mlflow(tmp_path):
    refuse_no_record("http://127.0.0.1:1")
    refuse_no_record("postgresql://me@127.0.0.1:1/record")
    refuse_no_record("mysql+nodriver://me@127.0.0.1:1/record")


def test_a_record_is_read_whatever_else_is_in_its_database(store, tmp_path):
    file = shutil.copy(store.removeprefix("sqlite:///"), tmp_path)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE orders (number INTEGER)")
    assert len(list_sweeps(tracking_uri=f"sqlite:///{file}")) == 3


@pytest.mark.parametrize("lost", TABLES[1:])
def test_a_record_that_has_lost_a_table_is_refused_and_left_as_it_is(lost, store, tmp_path):
    file = shutil.copy(store.removeprefix("sqlite:///"), tmp_path)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA foreign_keys = off")
        connection.execute(f"drop table {lost}")
    for read in READERS:
        with pytest.raises(ValueError, match=f"must be whole, but lacks these tables: {lost}; put"):
            read(f"sqlite:///{file}")
    assert lost not in tables_of(f"sqlite:///{file}")


def test_the_error_of_a_database_is_raised_and_not_logged(store, tmp_path, capfd):
    file = shutil.copy(store.removeprefix("sqlite:///"), tmp_path)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA foreign_keys = off")
        connection.execute("alter table runs rename column status to state")
    with pytest.raises(Exception, match=r"no such column: runs\.status"):
        list_sweeps(tracking_uri=f"sqlite:///{file}")
    assert "Traceback" not in capfd.readouterr().err
