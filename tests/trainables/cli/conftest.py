"""Run the command line in a folder that holds a small trial."""

import pytest
from typer.testing import CliRunner

from tests.trainables.cli.trials import TRIAL
from trainables.__main__ import app


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder that one stands in; it holds trial.yaml."""
    (tmp_path / "trial.yaml").write_text(TRIAL)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def process(folder, python):
    """Run `python -m trainables …` there."""
    return lambda *arguments: python("-m", "trainables", *arguments, cwd=folder)


@pytest.fixture
def main(folder):
    """Run the same command line without a process of its own."""

    def run(*arguments):
        done = CliRunner().invoke(app, arguments)
        if not isinstance(done.exception, SystemExit | None):
            raise done.exception
        return done.exit_code, done.stdout, done.stderr

    return run
