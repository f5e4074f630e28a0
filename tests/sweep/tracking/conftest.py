"""A real MLflow store for the tests of a file, with a sweep of its own for each test."""

import subprocess

import pytest

from sweep.config.check import load
from sweep.config.spec import SweepSpec
from sweep.tracking import sweeps
from sweep.tracking.mlflow_record import Record
from tests.sweep.conftest import TINY


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """The folder of the store, with a spec in it."""
    folder = tmp_path_factory.mktemp("store")
    (folder / "tiny.yaml").write_text(TINY)
    return folder


@pytest.fixture(scope="module")
def tracking_uri(store) -> str:
    return f"sqlite:///{store / 'mlflow.db'}"


@pytest.fixture
def spec(store, request) -> SweepSpec:
    """A spec whose sweep has the name of the test."""
    spec, _ = load(store / "tiny.yaml")
    name = request.node.name.replace("_", "-").replace("[", "-").replace("]", "")[:90]
    return spec.model_copy(update={"name": name})


@pytest.fixture
def record(store, tracking_uri, spec) -> Record:
    """The record of the sweep, which has just been opened."""
    digests = {"alignment.x": "ab"}
    return sweeps.open_sweep(tracking_uri, spec, TINY, digests, str(store / spec.name))


@pytest.fixture
def far_record(behind, spec):
    """The record of a sweep in the server behind the gateway."""
    yield sweeps.open_sweep(behind.url, spec, TINY, {})
    behind.rule = lambda _: None


def is_upload(request, name=""):
    return request.method == "PUT" and "/artifacts/" in request.path and name in request.path


@pytest.fixture
def repository_file(tmp_path, monkeypatch):
    """A committed file of a fresh repository, beside others."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    file = tmp_path / "package" / "code.py"
    file.parent.mkdir()
    file.write_text("one = 1\n")
    for name in (".env", "settings.yaml", "large.txt", "package/id_rsa", "package/Client.PEM"):
        (tmp_path / name).write_text("first\n")
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "first"]):
        subprocess.run(["git", "-C", tmp_path, *words], check=True)
    return file
