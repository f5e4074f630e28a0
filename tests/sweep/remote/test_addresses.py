"""Addresses of a cluster that are kept: what is refused, who may read them, and which goes first."""

import json
import stat

import pytest

from sweep import workspace
from sweep.cli.options import store_of
from sweep.remote import addresses
from sweep.tracking.store.addresses import BadAddress
from sweep.tracking.whole_file import DamagedFile


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SWEEP_HOME", str(tmp_path / "sweeps"))
    return tmp_path / "sweeps"


def test_what_is_kept_is_read_back_from_a_file_that_its_user_alone_can_read(home):
    kept = addresses.cluster("http://head:8265/", "http://head:5000", "postgresql://head/searches")
    path = addresses.keep(kept)
    assert path == home / ".cluster.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert addresses.kept() == kept
    assert kept.address == "http://head:8265"


def test_it_is_kept_in_the_users_config_folder_without_a_sweep_home(monkeypatch, tmp_path):
    monkeypatch.delenv("SWEEP_HOME")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert addresses.file() == tmp_path / "equipoise" / ".cluster.json"


def test_nothing_is_kept_at_first_and_after_forgetting():
    assert addresses.kept() is None
    assert not addresses.forget()
    addresses.keep(addresses.cluster("http://head:8265"))
    assert addresses.forget()
    assert addresses.kept() is None


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (("http://bob:S3cret@head:8265",), "RAY_AUTH_TOKEN or ~/.ray/auth_token"),
        (("http://head:8265/?token=S3cret",), "RAY_AUTH_TOKEN or ~/.ray/auth_token"),
        (("http://h:1", "http://bob:S3cret@h:5000"), "MLFLOW_TRACKING_USERNAME"),
        (("http://h:1", "postgresql://bob:S3cret@h/mlflow"), "MLFLOW_TRACKING_URI"),
        (("http://h:1", None, "postgresql://bob:S3cret@h/x"), "OPTUNA_STORAGE"),
    ],
)
def test_an_address_with_a_password_is_refused_and_the_place_for_it_is_named(words, remedy):
    with pytest.raises(BadAddress) as raised:
        addresses.cluster(*words)
    assert remedy in str(raised.value)
    assert "S3cret" not in str(raised.value)


@pytest.mark.parametrize(
    "address",
    ["head:8265", "http://", "ftp://head", "http://h:x", "http://[::1", "http://h ost", ""],
)
def test_an_address_that_is_none_of_a_job_api_is_refused(address):
    with pytest.raises(BadAddress, match="--address must be http://HOST:PORT of the job API"):
        addresses.cluster(address)


@pytest.mark.parametrize(
    "content",
    [
        *("", "[]", "{}", "{", "\xff", '{"address": 5}', '{"address": "h"}', "[" * 100_000),
        json.dumps({"address": "http://h:1", "other": "x"}),
        json.dumps({"address": "http://h:1", "storage": "postgresql://a:S3cret@h/x"}),
    ],
)
def test_a_file_that_holds_something_else_is_one_sentence(home, content):
    home.mkdir()
    addresses.file().write_bytes(content.encode("latin-1"))
    with pytest.raises(DamagedFile, match="must hold the addresses of a cluster, but") as raised:
        addresses.kept()
    assert len(str(raised.value).splitlines()) == 1
    assert "S3cret" not in str(raised.value)


def test_a_sweep_that_was_run_here_keeps_its_store_and_others_are_looked_for_in_the_kept_one(home):
    addresses.keep(addresses.cluster("http://h:1", f"sqlite:///{home}/other.db"))
    assert store_of(None, "there") == f"sqlite:///{home}/other.db"
    assert store_of(None) == f"sqlite:///{home}/other.db"
    workspace.spec("here").parent.mkdir()
    workspace.spec("here").write_text("name: here\n")
    assert store_of(None, "here") == workspace.local_tracking_uri()
    assert store_of(f"sqlite:///{home}/named.db", "there") == f"sqlite:///{home}/named.db"
