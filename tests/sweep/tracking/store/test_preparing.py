"""Which stores of MLflow can be used, how a new one is made, and the sentence for each that cannot."""

import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

from analysis.record.names import TABLES
from sweep.tracking.store import addresses, preparing

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize(
    ("uri", "sentence"),
    [
        (
            "mlruns",
            "must be http://HOST:PORT, sqlite:///FILE or another database, but got 'mlruns'",
        ),
        ("file:///tmp/x", "must be http://HOST:PORT, sqlite:///FILE or another database"),
        ("sqlite://", "must be http://HOST:PORT, sqlite:///FILE or another database"),
        (
            "sqlite:////tmp/\x1b[31m.db",
            "must be http://HOST:PORT, sqlite:///FILE or another database",
        ),
        ("sqlite:///:memory:", "must be http://HOST:PORT, sqlite:///FILE or another database"),
        ("http://[::1", r"must be an address such as http://HOST:PORT, but 'http://\[::1' is none"),
        ("http://127.0.0.1:9", r"the tracking server .* must be up, but does not answer"),
        ("sqlite:////tmp/a%20b/x.db", "must be without %, . and #"),
        ("sqlite:////tmp", "the store /tmp must be a file, but is a folder: name a file in it"),
        ("sqlite:////dev/null/x.db", "must be one that can be written, but"),
        (f"sqlite:////tmp/{'x' * 300}.db", "must be one that can be written, but"),
        ("http://me:secret@127.0.0.1:9", "must hold no user name, password or token"),
    ],
)
def test_a_store_that_cannot_be_used_is_one_clear_sentence(uri, sentence):
    with pytest.raises(addresses.BadAddress, match=sentence) as error:
        preparing.prepare_store(uri)
    assert "secret" not in str(error.value)
    assert "\n" not in str(error.value)


def test_the_database_of_another_program_is_refused_and_left_as_it_is(tmp_path):
    file = tmp_path / "other.db"
    uri = f"sqlite:///{file}"
    for statement, whose in (
        ("create table bookmarks (url text)", "is one with bookmarks: name another one"),
        ("create table studies (name text)", "is one of Optuna: name another one"),
    ):
        with closing(sqlite3.connect(file)) as database:
            database.execute(statement)
        before = file.read_bytes()
        with pytest.raises(addresses.BadAddress, match=whose):
            preparing.prepare_store(uri)
        assert file.read_bytes() == before


@pytest.mark.long
def test_processes_that_begin_together_create_the_tables_of_a_new_store_once(tmp_path):
    code = f"from sweep.tracking.store import preparing; preparing.prepare_store('sqlite:///{tmp_path}/new.db')"
    processes = [
        subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=100)
        assert process.returncode == 0, errors


def test_a_store_whose_making_was_interrupted_is_made_anew(tmp_path):
    """MLflow cannot go on with a file that has some of its tables."""
    file = tmp_path / "new.db"
    uri = f"sqlite:///{file}"
    code = f"from sweep.tracking.store import preparing; preparing.prepare_store({uri!r})"
    process = subprocess.Popen([sys.executable, "-c", code])
    unfinished = tmp_path / "new.db.unfinished"
    while not (unfinished.exists() and unfinished.stat().st_size > 100_000):
        assert process.poll() is None
        time.sleep(0.001)
    process.kill()
    process.wait()
    assert not file.exists()
    preparing.prepare_store(uri)
    assert file.exists()
    assert not unfinished.exists()
    assert addresses.connect(uri).search_experiments(max_results=1)


def test_a_damaged_file_is_refused_with_what_works(tmp_path):
    file = tmp_path / "mlflow.db"
    preparing.prepare_store(f"sqlite:///{file}")
    content = file.read_bytes()
    damaged = bytearray(content)
    damaged[4096 : 2 * 4096] = bytes(4096)  # a page in the middle
    for wrong in (content[: len(content) // 2], bytes(damaged), b"x" * 100 + content[100:]):
        file.write_bytes(wrong)
        with pytest.raises(addresses.BadAddress) as refused:
            preparing.prepare_store(f"sqlite:///{file}")
        assert f"{file} must be a whole SQLite file, but is damaged (" in str(refused.value)
        assert f"`sweep sync NAME --tracking-uri sqlite:///{file}`" in str(refused.value)
        assert file.read_bytes() == wrong, "it is left as it is"
    file.write_bytes(content)
    preparing.prepare_store(f"sqlite:///{file}")


def test_a_large_file_is_looked_at_for_some_seconds_and_no_longer(tmp_path, monkeypatch):
    file = tmp_path / "large.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE rows (text TEXT)")
        connection.executemany("INSERT INTO rows VALUES (?)", [["x" * 1000]] * 200_000)
    content = bytearray(file.read_bytes())
    content[4 * 4096 : 5 * 4096] = b"x" * 4096  # the last pages are looked at first
    file.write_bytes(content)
    with pytest.raises(addresses.BadAddress):
        preparing._refuse_damaged(file)
    monkeypatch.setattr(preparing, "MAX_CHECK_S", 0.02)  # of 0.2 that it takes
    preparing._refuse_damaged(file)


@pytest.mark.parametrize("lost", TABLES[1:])
def test_a_store_that_has_lost_a_table_is_refused_and_left_as_it_is(lost, tmp_path):
    file = tmp_path / "mlflow.db"
    preparing.prepare_store(f"sqlite:///{file}")
    with closing(sqlite3.connect(file)) as database:
        database.execute(f"drop table {lost}")
    before = file.read_bytes()
    with pytest.raises(addresses.BadAddress) as refused:
        preparing.prepare_store(f"sqlite:///{file}")
    assert f"must be whole, but lacks these tables: {lost}; put a copy back" in str(refused.value)
    assert file.read_bytes() == before
