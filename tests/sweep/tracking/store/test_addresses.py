"""Which addresses of an MLflow store can be used, and the sentence for each that cannot."""

import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

from sweep.tracking.store import addresses

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize(
    "uri", ["http://user:secret@127.0.0.1:5000", "https://Tok99@host", "http://h/?token=secret"]
)
def test_an_address_with_a_password_is_refused_without_repeating_it(uri):
    with pytest.raises(addresses.BadAddress, match="MLFLOW_TRACKING_PASSWORD") as error:
        addresses.refuse_password(uri)
    assert "secret" not in str(error.value)
    assert "Tok99" not in str(error.value)


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
        addresses.prepare_store(uri)
    assert "secret" not in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("postgresql://me:secret@db/x", "postgresql://me:***@db/x"),
        (
            "mysql://me:secret@db:3306/x?password=secret&a=b",
            "mysql://me:***@db:3306/x?password=***&a=b",
        ),
        ("postgresql://me:secret@5@db/x", "postgresql://me:***@db/x"),
        ("postgres://me:secret@db/x", "postgres://me:***@db/x"),
        ("postgresql://me@db/x?sslpassword=secret", "postgresql://me@db/x?sslpassword=***"),
        ("postgresql://me:secret@[db/x", "postgresql://me:***@[db/x"),
        ("sqlite:////tmp/a.db", "sqlite:////tmp/a.db"),
    ],
)
def test_a_password_is_replaced_or_left_out(uri, shown):
    assert addresses.masked_address(uri) == shown
    with pytest.raises(addresses.BadAddress) as error:
        addresses.refuse_unknown(f"x{uri}")
    assert "secret" not in str(error.value)


def test_a_path_is_printed_as_it_is(tmp_path):
    assert addresses.masked_address(tmp_path / "a@b") == f"{tmp_path}/a@b"


def test_the_address_of_a_relative_file_becomes_that_from_every_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert addresses.absolute("sqlite:///a.db") == f"sqlite:///{tmp_path}/a.db"
    for uri in (f"sqlite:///{tmp_path}/a.db", "http://127.0.0.1:5000"):
        assert addresses.absolute(uri) == uri


def test_an_address_whose_password_was_left_out_is_asked_for_by_its_option():
    addresses.refuse_hidden("postgresql://me@db/x", "--storage")
    with pytest.raises(addresses.BadAddress, match="is not kept: name it again with --storage"):
        addresses.refuse_hidden("postgresql://me:***@db/x", "--storage")


def test_an_unescaped_at_in_a_password_is_refused_without_repeating_it():
    addresses.refuse_ambiguous("postgresql://me:secret%405@db/x?options=a@b")
    with pytest.raises(addresses.BadAddress, match="must be written with %40 for @") as error:
        addresses.refuse_ambiguous("postgresql://me:secret@5@db/x")
    assert "secret" not in str(error.value)


def test_an_outage_within_the_block_becomes_one_sentence_and_other_errors_stay():
    from mlflow.exceptions import MlflowException

    sentence = (
        r"store sqlite:///x must do what it is asked, but does not \(no answer\): see that it is up "
        r"and can be written, then wait\."
    )
    with (
        pytest.raises(addresses.BadAddress, match=sentence),
        addresses.refusing_outage("sqlite:///x", "wait"),
    ):
        raise MlflowException("no answer\nafter 5 s")
    with pytest.raises(KeyError), addresses.refusing_outage("sqlite:///x", "wait"):
        raise KeyError("other")


def test_a_missing_driver_of_a_database_is_named_with_its_installation():
    error = RuntimeError("cannot load")
    assert addresses.short_reason(error) == "cannot load"
    assert addresses.short_reason(ValueError()) == "ValueError", "an error without words"
    error.__cause__ = ModuleNotFoundError("No module named 'psycopg'", name="psycopg")
    assert "pip install -e '.[postgresql]'" in addresses.short_reason(error)


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
            addresses.prepare_store(uri)
        assert file.read_bytes() == before


@pytest.mark.long
def test_processes_that_begin_together_create_the_tables_of_a_new_store_once(tmp_path):
    code = f"from sweep.tracking.store import addresses; addresses.prepare_store('sqlite:///{tmp_path}/new.db')"
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
    code = f"from sweep.tracking.store import addresses; addresses.prepare_store({uri!r})"
    process = subprocess.Popen([sys.executable, "-c", code])
    unfinished = tmp_path / "new.db.unfinished"
    while not (unfinished.exists() and unfinished.stat().st_size > 100_000):
        assert process.poll() is None
        time.sleep(0.001)
    process.kill()
    process.wait()
    assert not file.exists()
    addresses.prepare_store(uri)
    assert file.exists()
    assert not unfinished.exists()
    assert addresses.connect(uri).search_experiments(max_results=1)


def test_a_damaged_file_is_refused_with_what_works(tmp_path):
    file = tmp_path / "mlflow.db"
    addresses.prepare_store(f"sqlite:///{file}")
    content = file.read_bytes()
    damaged = bytearray(content)
    damaged[4096 : 2 * 4096] = bytes(4096)  # a page in the middle
    for wrong in (content[: len(content) // 2], bytes(damaged), b"x" * 100 + content[100:]):
        file.write_bytes(wrong)
        with pytest.raises(addresses.BadAddress) as refused:
            addresses.prepare_store(f"sqlite:///{file}")
        assert f"{file} must be a whole SQLite file, but is damaged (" in str(refused.value)
        assert f"`sweep sync NAME --tracking-uri sqlite:///{file}`" in str(refused.value)
        assert file.read_bytes() == wrong, "it is left as it is"
    file.write_bytes(content)
    addresses.prepare_store(f"sqlite:///{file}")


def test_a_large_file_is_looked_at_for_some_seconds_and_no_longer(tmp_path, monkeypatch):
    file = tmp_path / "large.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE rows (text TEXT)")
        connection.executemany("INSERT INTO rows VALUES (?)", [["x" * 100]] * 500_000)
    content = bytearray(file.read_bytes())
    content[4 * 4096 : 5 * 4096] = b"x" * 4096  # the last pages are looked at first
    file.write_bytes(content)
    with pytest.raises(addresses.BadAddress):
        addresses._refuse_damaged(file)
    monkeypatch.setattr(addresses, "MAX_CHECK_S", 0.001)
    addresses._refuse_damaged(file)
