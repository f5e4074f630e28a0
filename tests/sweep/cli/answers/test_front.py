"""The front of a real sweep, from the command line."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from analysis.record.candidate import Candidate
from analysis.record.reader import read_sweep, read_trial_yaml
from sweep.cli.answers.front import joined_numbers
from sweep.tracking.sweeps import find_sweep
from tests.sweep.conftest import record, verb

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def test_the_front_is_json_for_machines(finished):
    ended = verb("front", "tiny", "--format", "json", SWEEP_HOME=str(finished / "sweeps"))
    members = json.loads(ended.stdout)
    assert members
    assert set(members[0]["goals"]) == {"bias/miniature/gap", "forgetting/general/nll_rise"}


def test_a_recorded_configuration_runs_unchanged_and_gives_the_same_values(finished, tmp_path):
    """The base model dominates whatever two steps of training make, so none of them is exported."""
    home = str(finished / "sweeps")
    words = ("front", "tiny", "--all", "--out-dir", tmp_path, "--format", "json")
    base, member, *_ = json.loads(verb(*words, SWEEP_HOME=home).stdout)
    assert (base["name"], member["name"]) == ("base", "0")
    exported = tmp_path / "recorded.yaml"
    record = read_sweep("tiny", tracking_uri=f"sqlite:///{home}/mlflow.db")
    exported.write_text(read_trial_yaml(record, Candidate(0)))
    reports = tmp_path / "reports.json"
    again = [sys.executable, "-m", "trainables", "run", str(exported), "--json", str(reports)]
    subprocess.run(again, check=True, capture_output=True, timeout=120)
    last = json.loads(reports.read_text())[-1]["metrics"]
    for goal, value in member["goals"].items():
        assert last[goal] == pytest.approx(value, rel=1e-4, abs=1e-5)
    assert {"front.png", "front.html", "front.csv", "front.json"} <= set(os.listdir(tmp_path))


def test_results_that_the_record_has_lost_are_said_until_somebody_retries_them(finished, tmp_path):
    shutil.copy(finished / "sweeps/mlflow.db", tmp_path)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    found = find_sweep(uri, "tiny")
    found.log_batch(found.run_id_of(2), [], {}, {"sweep.state": "lost"})
    words = ("--tracking-uri", uri)
    listed = verb("ls", "--format", "json", *words)
    assert json.loads(listed.stdout)[0]["lost"] == 1
    assert listed.stderr == (
        "the record of tiny has lost results of 1 trial: `sweep status tiny` names it.\n"
    )
    assert "results of trial 2, which is on no front" in verb("status", "tiny", *words).stdout
    rows = json.loads(verb("front", "tiny", "--all", "--format", "json", *words).stdout)
    assert "2" not in {row["name"] for row in rows}
    retried = verb("retry", "tiny", *words)
    assert retried.stdout == "1 trial is tried again by `sweep resume tiny`.\n"
    assert "results of" not in verb("status", "tiny", *words).stdout


def test_the_course_of_each_training_is_in_the_record_and_in_no_table_of_models(finished):
    from mlflow import MlflowClient

    _, trials = record(finished / "sweeps", "tiny")
    client = MlflowClient(f"sqlite:///{finished / 'sweeps' / 'mlflow.db'}")
    names = {"loss", "text_nll", "objective", "regulariser", "gradient_norm", "lr"}
    for run in trials:
        recorded = {name for name in run.data.metrics if name.startswith("train/")}
        assert recorded == {f"train/{name}" for name in names}
        history = client.get_metric_history(run.info.run_id, "train/loss")
        assert [point.step for point in history] == [1, 2]
        rates = client.get_metric_history(run.info.run_id, "train/lr")
        assert rates[0].value == pytest.approx(float(run.data.params["train.lr"]))
    for words in (["front", "tiny", "--all"], ["compare", "tiny", "base", "1"]):
        ended = verb(*words, "--format", "json", SWEEP_HOME=str(finished / "sweeps"))
        assert "train/" not in ended.stdout


def test_the_numbers_of_trials_beside_those_of_others_are_explained(finished):
    sweep = read_sweep("tiny", tracking_uri=f"sqlite:///{finished / 'sweeps' / 'mlflow.db'}")
    assert joined_numbers(sweep, 0) == "trials 0 to 3 are those of tiny"
    assert joined_numbers(sweep, 9) == "trials 9 to 12 are trials 0 to 3 of tiny"
    none = replace(sweep, trials=sweep.trials[:0])
    assert joined_numbers(none, 9) == "tiny has no trials"


def test_a_sweep_is_not_shown_beside_itself(finished):
    home = str(finished / "sweeps")
    for names in (("tiny", "--with", "tiny"), ("tiny", "--with", "a", "--with", "a")):
        ended = verb("front", *names, SWEEP_HOME=home)
        assert ended.exit_code == 2
        assert ended.stderr.startswith("--with must name other sweeps, each once, but ")
