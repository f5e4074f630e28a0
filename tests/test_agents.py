"""AGENTS.md, for programs: its exit codes and JSON are those of the commands."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from mlflow import MlflowClient
from typer.testing import CliRunner

from sweep.cli.app import app as sweep_app
from sweep.cli.options import DONE, FAILED, INTERRUPTED, WRONG
from tests.analysis.conftest import ACCURACY, GAP, HAND, RISE, record
from tests.markdown import ROOT, Page
from trainables.__main__ import app as trainables_app
from trainables.metrics.estimate import Items, mean
from trainables.metrics.items_file import write

AGENTS, COMMANDS = Page(ROOT / "AGENTS.md"), Page(ROOT / "docs" / "commands.md")
CODES = {DONE: "done", FAILED: "failed", WRONG: "wrong", INTERRUPTED: "interrupted"}
# Mappings whose keys are names: of metrics, parameters, reasons of failures, settings.
NAMED = {
    *("goals", "metrics", "params", "values", "errors", "intervals", "items", "failures"),
    *("evaluators", "df"),
}
TRIAL = {
    "model": {"path": "miniature-llama"},
    "alignment": {"data": "miniature", "size": 50},
    "train": {"lr": 1e-3, "steps": 2, "batch_size": 4},
    "evaluators": [{"name": "perplexity", "data": "miniature", "limit": 20}],
}


def shape(value: Any, key: str = "") -> Any:
    """Return the keys of a JSON value at every depth; those of a mapping by names do not count."""
    if isinstance(value, dict):
        return "named" if key in NAMED else {key: shape(v, key) for key, v in value.items()}
    return [shape(value[0], key)] if isinstance(value, list) and value else "value"


def shown(command: str) -> Any:
    """Return the shape of the example in AGENTS.md that follows this command."""
    (text,) = (
        block.text
        for block in AGENTS.blocks
        if re.findall(r"`((?:sweep|python) [^`]*)`", block.before)[-1].startswith(command)
    )
    return shape(json.loads(text))


@pytest.mark.parametrize("page", [AGENTS, COMMANDS], ids=["AGENTS", "commands"])
def test_the_exit_codes_are_those_of_the_command_line(page):
    (table,) = (table for table in page.tables if table.heading == "Exit codes")
    assert {int(row[0]): row[1] for row in table.rows} == CODES


@pytest.fixture(scope="module")
def say(tmp_path_factory) -> Callable[..., Any]:
    """say(words) -> the JSON of a verb, on a sweep that runs and has the items of two trials."""
    folder = tmp_path_factory.mktemp("record")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    client = MlflowClient(tracking_uri=uri)
    goals = [GAP, RISE, ACCURACY]
    record(client, folder, "hand", goals=goals, constraints={}, trials=HAND, status="RUNNING")
    (experiment,) = (e for e in client.search_experiments() if e.name == "hand")
    write({ACCURACY.name: mean([1.0, 0.0], Items.of(range(2)))}, folder / "items.parquet")
    for run in client.search_runs([experiment.experiment_id]):
        if run.data.tags.get("sweep.trial") in ("1", "2"):
            client.log_artifact(run.info.run_id, str(folder / "items.parquet"))

    def say(*words: str) -> Any:
        options = ["--tracking-uri", uri, "--format", "json"]
        ended = CliRunner().invoke(
            sweep_app, [*words, *options], env={"SWEEP_HOME": str(folder / "sweeps")}
        )
        assert ended.exit_code == DONE, ended.output
        return json.loads(ended.stdout)

    return say


@pytest.mark.parametrize(
    "words", [("status", "hand"), ("ls",), ("front", "hand"), ("compare", "hand", "1", "2")]
)
def test_the_json_of_a_verb_has_the_keys_that_are_shown(say, words):
    assert shape(say(*words)) == shown(f"sweep {words[0]} ")


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_json_of_one_trial_and_of_a_measurement_has_the_keys_that_are_shown(tmp_path):
    trial, file = tmp_path / "trial.yaml", tmp_path / "out.json"
    trial.write_text(json.dumps(TRIAL))
    measured = ["--model", "miniature-llama", "--evaluators", "stereoset:data=miniature"]
    for command, words in (("run", [str(trial)]), ("measure", measured)):
        ended = CliRunner().invoke(trainables_app, [command, *words, "--json", str(file)])
        assert ended.exit_code == DONE, ended.output
        assert shape(json.loads(file.read_text())) == shown(f"python -m trainables {command} ")


def test_the_json_of_the_list_of_metrics_has_the_keys_that_are_shown():
    words = ["metrics", str(ROOT / "sweep/specs/miniature.yaml"), "--format", "json"]
    ended = CliRunner().invoke(sweep_app, words)
    assert shape(json.loads(ended.stdout)) == shown("sweep metrics ")


def test_every_state_of_a_sweep_is_named_in_both_pages():
    states = "running paused stopping cancelling finished failed stopped cancelled interrupted"
    for page in (AGENTS, COMMANDS):
        assert [state for state in states.split() if f"`{state}`" not in page.text] == []
