"""The verb that says what a sweep will spend."""

import json
import sys

import pytest

from sweep.cli.planning.plan import plan_of
from sweep.config.check import load
from tests.sweep.conftest import SPECS, sweep, verb

SPEC = SPECS / "miniature.yaml"


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    """A cache folder without calibrations, and no record."""
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SWEEP_HOME", str(tmp_path / "sweeps"))


def test_a_plan_is_a_table_or_json():
    table = verb("plan", SPEC, "--slots", 3, "--price-per-hour", 2.5).stdout
    assert table.startswith("miniature: 24 trials of ")
    assert "3 at once" in table
    assert "2.5 an hour and slot" in table
    assert max(map(len, table.splitlines())) <= 80
    tree = json.loads(verb("plan", SPEC, "--slots", 3, "--format", "json").stdout)
    assert tree["sweep"] == "miniature"
    assert tree["slots"]["num"] == 3
    assert "money" not in tree["estimates"]


def test_other_verbs_can_ask_for_the_same_plan():
    spec, _ = load(SPEC)
    plan = plan_of(spec, slots=3)
    tree = json.loads(verb("plan", SPEC, "--slots", 3, "--format", "json").stdout)
    assert tree["estimates"]["time"]["value"] == plan.row("time").interval.value


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((SPEC, "--format", "csv"), "--format must be table or json for a plan, but got csv."),
        (("nothing.yaml",), "nothing.yaml: must be a YAML file that can be read"),
        (("several.yaml", "--calibrate"), "--calibrate must have trials of one process"),
        ((SPECS / "bert.yaml", "--calibrate"), "--calibrate must run a trial on this machine"),
    ],
)
def test_a_wrong_call_is_one_sentence(words, sentence, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    several = SPEC.read_text() + "resources: {workers_per_trial: 2}\n"
    (tmp_path / "several.yaml").write_text(several)
    monkeypatch.setitem(sys.modules, "pynvml", None)
    ended = verb("plan", *words)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr.startswith(sentence)
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_calibration_is_kept_and_used(tmp_path, monkeypatch):
    monkeypatch.delenv("EQUIPOISE_CACHE")
    text = SPEC.read_text().replace("trials: 24", "trials: 4").replace("steps: 60", "steps: 59")
    path = tmp_path / "spec.yaml"
    path.write_text(text + "resources: {at_once: 1}\n")
    ended = sweep("plan", path, "--calibrate", "--format", "json")
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.startswith(
        "calibrating: steps of 6 trials and one evaluation, by 1 process"
    )
    tree = json.loads(ended.stdout)
    assert tree["estimates"]["a_trial"]["basis"].startswith("calibration of ")
    again = json.loads(sweep("plan", path, "--format", "json").stdout)
    assert again["estimates"]["time"] == tree["estimates"]["time"]


def test_a_plan_loads_neither_torch_nor_ray_nor_optuna(tmp_path):
    import subprocess

    code = (
        "import sys; from pathlib import Path; from sweep.config.check import load; "
        "from sweep.cli.planning.plan import plan_of; "
        f"spec, _ = load(Path({str(SPEC)!r})); plan_of(spec); "
        "print(*({'torch', 'ray', 'optuna', 'mlflow', 'transformers'} & sys.modules.keys()))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == ""
