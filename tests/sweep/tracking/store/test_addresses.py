"""Which addresses of an MLflow store can be used, and the sentence for each that cannot."""

import sys

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
    ("uri", "shown"),
    [
        ("postgresql://me:secret@db/x", "postgresql://me:***@db/x"),
        (
            "mysql://me:secret@db:3306/x?password=secret&a=b",
            "mysql://me:***@db:3306/x?password=***&a=***",
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


@pytest.mark.parametrize(
    ("module", "package"),
    [("pymysql", "pymysql"), ("MySQLdb", "mysqlclient"), ("pyodbc", "pyodbc")],
)
def test_a_store_without_the_driver_of_its_database_is_not_said_to_be_down(
    module, package, monkeypatch
):
    monkeypatch.setitem(sys.modules, module, None)
    scheme = "mssql" if module == "pyodbc" else "mysql"
    with pytest.raises(addresses.BadAddress) as caught:
        addresses.refuse_silent(f"{scheme}+{module.lower()}://me:secret@127.0.0.1:9/x")
    assert f"{module}, is not installed: `pip install {package}` brings it." in str(caught.value)
    assert "be up" not in str(caught.value)
