"""The verbs, their order and their options, which people and scripts rely on."""

import time
import tomllib
from pathlib import Path

import pytest
import typer

from sweep.cli.app import app, main
from tests.sweep.conftest import sweep, verb

# In the order of --help; NAME, SPEC and TRIAL are arguments.
VERBS = {
    "check": "SPEC",
    "run": "SPEC --tracking-uri --storage --address --replace/--no-replace",
    "resume": "NAME --tracking-uri --storage --address",
    "ls": "--tracking-uri --format",
    "front": "NAME --tracking-uri --format --out-dir --all --register --model-name",
    "compare": "NAME TRIAL TRIAL --tracking-uri --format",
    "ui": "--tracking-uri --host --port",
    "submit": "SPEC --address --tracking-uri --resume --follow",
    "status": "NAME --tracking-uri --format",
    "pause": "NAME --tracking-uri",
    "stop": "NAME --tracking-uri",
    "cancel": "NAME --tracking-uri --trial",
    "retry": "NAME --tracking-uri --trial",
    "sync": "NAME --tracking-uri",
}


def test_the_verbs_come_in_this_order():
    assert list(typer.main.get_command(app).commands) == list(VERBS)


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_has_these_arguments_and_options(name):
    parameters = typer.main.get_command(app).commands[name].params
    words = [
        "/".join(parameter.opts + parameter.secondary_opts)
        if parameter.param_type_name == "option"
        else parameter.metavar
        for parameter in parameters
    ]
    assert " ".join(words) == VERBS[name]


def test_the_console_script_is_this_app():
    from sweep.__main__ import main as started

    text = (Path(__file__).parents[3] / "pyproject.toml").read_text()
    assert tomllib.loads(text)["project"]["scripts"]["sweep"] == "sweep.__main__:main"
    assert started is main


def test_help_comes_at_once():
    began = time.monotonic()
    assert "Example:" in sweep("--help").stdout
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_has_an_example(name):
    assert "Example:" in verb(name, "--help").stdout
