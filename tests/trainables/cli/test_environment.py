"""Variables that cannot be used are said by name before anything is done, without their values."""

import pytest
from typer.testing import CliRunner

from sweep.cli.app import app as sweep_app
from trainables.__main__ import app as trainables_app
from trainables.cli.environment import environment_faults


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("SWEEP_HOME", "s3://bucket/sweeps", "must be a folder of this machine, but is an address"),
        ("EQUIPOISE_CACHE", "https://bob:hunter2word@h/x", "is an address: https://bob:***@h/x."),
        ("HF_TOKEN", "hunter2word\u00e9", "must be letters, digits and signs of ASCII"),
        ("HF_TOKEN", "hunter2word two", "without blanks"),
        ("MLFLOW_TRACKING_TOKEN", "hunter2word\n", "without blanks"),
        ("RAY_AUTH_TOKEN", "\u201chunter2word\u201d", "must be letters, digits and signs of ASCII"),
        (
            "MLFLOW_TRACKING_PASSWORD",
            "\u201chunter2word\u201d",
            "must be of Latin letters and signs",
        ),
    ],
)
@pytest.mark.parametrize(
    ("app", "words"), [(sweep_app, ["ls"]), (trainables_app, ["run", "x.yaml"])]
)
def test_a_variable_that_cannot_be_used_is_one_sentence(
    app, words, name, value, sentence, monkeypatch
):
    monkeypatch.setenv(name, value)
    ended = CliRunner().invoke(app, words)
    assert (ended.exit_code, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"{name} ")
    assert sentence in line
    assert "hunter2word" not in line
    assert CliRunner().invoke(app, [words[0], "--help"]).exit_code == 0


def test_what_libraries_take_is_no_fault(monkeypatch):
    monkeypatch.setenv("SWEEP_HOME", "~/my sweeps")
    monkeypatch.setenv("HF_TOKEN", f"hf_{'aB3' * 10}\n")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "caf\u00e9 and more")
    assert environment_faults() == []
