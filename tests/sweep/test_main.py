"""The command line on real sweeps: Ray, DeepSpeed, Optuna and MLflow, end to end."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from tests.sweep.conftest import TINY, sweep, verb

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def record(home: Path, name: str) -> tuple[dict, list]:
    """The sweep's run and its trials' runs, as MLflow has them."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{home / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(name)
    runs = client.search_runs([experiment.experiment_id], max_results=1000)
    (parent,) = [run for run in runs if run.data.tags["sweep.role"] == "sweep"]
    return parent, [run for run in runs if run.data.tags["sweep.role"] == "trial"]


def optuna_states(home: Path, name: str) -> Counter:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend
    from optuna.study import load_study

    storage = JournalStorage(JournalFileBackend(str(home / name / "search.journal")))
    trials = load_study(study_name=name, storage=storage).get_trials()
    return Counter(trial.state.name for trial in trials)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A folder with a spec, and the sweep of it finished under sweeps/."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "tiny.yaml").write_text(TINY)
    home = str(folder / "sweeps")
    ended = sweep("run", folder / "tiny.yaml", SWEEP_HOME=home)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (folder / "output.txt").write_text(ended.stdout)
    return folder


def test_every_trial_is_one_optuna_trial_and_one_nested_mlflow_run(finished):
    parent, trials = record(finished / "sweeps", "tiny")
    assert optuna_states(finished / "sweeps", "tiny") == {"COMPLETE": 4}
    assert sorted(int(run.data.tags["sweep.trial"]) for run in trials) == [0, 1, 2, 3]
    assert {run.info.status for run in [parent, *trials]} == {"FINISHED"}
    assert {run.data.tags["mlflow.parentRunId"] for run in trials} == {parent.info.run_id}
    assert {run.data.tags["sweep.state"] for run in trials} == {"complete"}


def test_a_run_holds_parameters_metrics_by_family_and_versions(finished):
    parent, trials = record(finished / "sweeps", "tiny")
    for run in trials:
        assert run.data.params["train.steps"] == "2"
        assert run.data.params["objective.name"] in ("none", "likelihood_gap")
        families = {name.split("/")[0] for name in run.data.metrics}
        assert {"bias", "forgetting"} <= families
    assert parent.data.tags["version.torch"].startswith("2.")
    assert len(parent.data.tags["digest.alignment.miniature"]) == 64


def test_the_output_names_progress_front_and_files_without_a_terminal(finished):
    output = (finished / "output.txt").read_text()
    assert "[4/4]" in output
    assert "ETA" in output
    assert "hypervolume" in output
    assert "front.png" in output
    assert "\x1b[" not in output
    shown = output.split("candidates on the front")[1].splitlines()
    # A path is as long as its folders are; it stands alone on its line, ready to be copied.
    paths = [line for line in shown if "/front/" in line]
    table = [line for line in shown if "/front/" not in line]
    assert all(Path(finished, path).is_file() for path in paths)
    assert max(map(len, table)) <= 80


def test_the_front_is_json_for_machines(finished):
    ended = verb("front", "tiny", "--format", "json", SWEEP_HOME=str(finished / "sweeps"))
    members = json.loads(ended.stdout)
    assert members
    assert set(members[0]["goals"]) == {"bias/miniature/gap", "forgetting/general/nll_rise"}


def test_each_configuration_taken_home_runs_unchanged_and_gives_the_same_values(finished, tmp_path):
    home = str(finished / "sweeps")
    ended = verb("front", "tiny", "--out-dir", tmp_path, "--format", "json", SWEEP_HOME=home)
    member = json.loads(ended.stdout)[0]
    taken = tmp_path / f"tiny-{member['trial']:04}.yaml"
    reports = tmp_path / "reports.json"
    again = [sys.executable, "-m", "trainables", "run", str(taken), "--json", str(reports)]
    subprocess.run(again, check=True, capture_output=True, timeout=120)
    last = json.loads(reports.read_text())[-1]["metrics"]
    for goal, value in member["goals"].items():
        assert last[goal] == pytest.approx(value, rel=1e-4, abs=1e-5)
    assert {"front.png", "front.html", "front.csv", "front.json"} <= set(os.listdir(tmp_path))


def test_a_second_run_of_the_name_is_refused_and_changes_nothing(finished):
    ended = verb("run", finished / "tiny.yaml", SWEEP_HOME=str(finished / "sweeps"))
    assert ended.exit_code == 2
    assert "sweep resume tiny" in ended.stderr
    assert "another name" in ended.stderr
    assert len(record(finished / "sweeps", "tiny")[1]) == 4


def test_ls_lists_it(finished):
    ended = verb("ls", "--format", "json", SWEEP_HOME=str(finished / "sweeps"))
    (row,) = json.loads(ended.stdout)
    assert (row["name"], row["state"], row["complete"]) == ("tiny", "finished", 4)


def test_two_trials_are_compared_on_the_same_items(finished):
    home = str(finished / "sweeps")
    ended = verb("compare", "tiny", "base", "1", "--format", "json", SWEEP_HOME=home)
    assert ended.exit_code == 0, ended.stderr
    found = {row["metric"]: row for row in json.loads(ended.stdout)}
    assert found["bias/miniature/ss"]["items"] == 40
    assert 0 <= found["forgetting/general/nll"]["p"] <= 1
    shown = verb("compare", "tiny", "base", "1", SWEEP_HOME=home).stdout
    assert max(map(len, shown.splitlines())) <= 80
    refused = verb("compare", "tiny", "base", "first", SWEEP_HOME=home)
    assert refused.exit_code == 2
    assert "must be the number of a trial or `base`, but got 'first'" in refused.stderr


@pytest.mark.parametrize("which", ["front", "resume"])
def test_an_unknown_sweep_is_one_sentence_that_lists_those_there_are(finished, which):
    ended = verb(which, "tny", SWEEP_HOME=str(finished / "sweeps"))
    assert ended.exit_code in (1, 2)
    assert len(ended.stderr.splitlines()) == 1
    assert "tiny" in ended.stderr


@pytest.mark.parametrize("uri", ["./mlruns", "file:./mlruns", "foo://bar"])
def test_an_address_that_is_no_store_is_one_sentence_for_every_verb(finished, uri):
    for words in (["ls"], ["status", "tiny"], ["front", "tiny"], ["pause", "tiny"]):
        ended = verb(*words, "--tracking-uri", uri, SWEEP_HOME=str(finished / "sweeps"))
        assert ended.exit_code == 2
        assert ended.stderr.startswith("the tracking URI must be http://HOST:PORT, sqlite:///FILE")


def test_a_sweep_goes_on_under_its_own_name_alone(tmp_path):
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny/sweep.yaml").write_text(TINY.replace("name: tiny", "name: other", 1))
    ended = verb("resume", "tiny", SWEEP_HOME=str(tmp_path))
    assert ended.exit_code == 2
    assert "must keep its name, tiny, but is now named 'other'" in ended.stderr


def longer(folder: Path, trials: int, steps: int = 60) -> Path:
    path = folder / "longer.yaml"
    text = TINY.replace("trials: 4", f"trials: {trials}").replace("steps: 2", f"steps: {steps}")
    path.write_text(text.replace("name: tiny", "name: longer", 1))
    return path


def start(*words: object, home: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "sweep", *map(str, words)],
        env=os.environ | {"SWEEP_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Whoever runs the tests in the background has Ctrl-C ignored, which would be inherited.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )


def wait_for_trials(process: subprocess.Popen, num: int) -> None:
    assert process.stdout is not None
    seen = 0
    for line in process.stdout:
        seen += line.startswith("[")
        if seen >= num:
            return
    raise AssertionError(f"the sweep ended after {seen} trials")


def test_a_sweep_that_is_told_to_end_leaves_nothing_open_and_says_how_to_go_on(tmp_path):
    """What becomes of it then, however it was ended, is counted in tests/faults."""
    home = tmp_path / "sweeps"
    process = start("run", longer(tmp_path, 5), home=home)
    wait_for_trials(process, 1)
    process.send_signal(signal.SIGSTOP)  # else it may have ended before it can be told to
    beside = verb("resume", "longer", SWEEP_HOME=str(home))
    assert beside.exit_code == 2
    assert "another process" in beside.stderr
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGCONT)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 130, output
    assert "sweep resume longer" in output
    parent, runs = record(home, "longer")
    assert parent.info.status == "KILLED"
    assert {run.info.status for run in runs} <= {"FINISHED", "KILLED"}


def test_ctrl_c_before_any_trial_promises_no_resume(tmp_path):
    process = start("run", longer(tmp_path, 5), home=tmp_path / "sweeps")
    time.sleep(4)
    process.send_signal(signal.SIGINT)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 130, output
    assert ("sweep resume" in output) == (tmp_path / "sweeps/longer/search.journal").exists()


@pytest.mark.timeout(25)
@pytest.mark.parametrize("which", ["status", "pause", "resume", "retry", "front"])
def test_a_tracking_server_that_is_away_is_one_sentence_at_once(tmp_path, which):
    words = (which, "tiny", "--tracking-uri", "http://127.0.0.1:9")
    ended = verb(*words, SWEEP_HOME=str(tmp_path))
    assert ended.exit_code == 2
    assert ended.stderr.startswith(
        "the tracking server http://127.0.0.1:9 must be up, but does not"
    )


def test_help_comes_at_once_and_every_verb_has_an_example():
    began = time.monotonic()
    assert "Example:" in sweep("--help").stdout
    assert time.monotonic() - began < 5
    verbs = "check run resume status pause stop cancel retry sync ls front compare ui submit"
    for each in verbs.split():
        assert "Example:" in verb(each, "--help").stdout, each
