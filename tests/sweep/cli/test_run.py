"""The verbs that run a sweep, on real sweeps: Ray, DeepSpeed, Optuna and MLflow, end to end."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from tests.markdown import ROOT
from tests.sweep.conftest import TINY, optuna_states, record, sweep, verb
from trainables.data.sets.miniature import general_texts
from trainables.data.splits import is_held_out
from trainables.models import miniature

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def test_check_counts_the_trials_and_names_goals_and_searched_parameters(tiny):
    ended = verb("check", tiny)
    assert ended.exit_code == 0, ended.stderr
    goals = "bias/miniature/gap, forgetting/general/nll_rise"
    held_out = sum(map(is_held_out, general_texts()))
    assert ended.stdout.replace("\n  ", " ").splitlines() == [
        f"{tiny} is valid: 4 trials.",
        f"goals: {goals}.",
        "searched: objective, objective.weight, train.lr.",
        "texts begin behind '<s>' (format: plain).",
        "miniature: 4000 pairs to align on, of which a trial takes 50 (alignment.size).",
        f"miniature: {held_out} of 6000 texts are held out of training, to measure on.",
    ]
    assert max(map(len, ended.stdout.replace(str(tiny), "").splitlines())) <= 80


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


def test_a_second_run_of_the_name_is_refused_and_changes_nothing(finished):
    ended = verb("run", finished / "tiny.yaml", SWEEP_HOME=str(finished / "sweeps"))
    assert ended.exit_code == 2
    assert "sweep resume tiny" in ended.stderr
    assert "another name" in ended.stderr
    assert len(record(finished / "sweeps", "tiny")[1]) == 4


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


@pytest.mark.long
def test_weights_that_are_replaced_while_a_sweep_runs_fail_the_trials_that_follow(tmp_path):
    """Those before it stand, nothing starts from another base, and put back it goes on."""
    home = tmp_path / "sweeps"
    model = Path(shutil.copytree(miniature.folder("miniature-llama"), tmp_path / "model"))
    spec = longer(tmp_path, 8)
    spec.write_text(
        spec.read_text().replace("path: miniature-llama", f"path: {model}, family: causal")
    )
    process = start("run", spec, home=home)
    wait_for_trials(process, 2)
    whole = (model / "model.safetensors").read_bytes()
    weights = load_file(model / "model.safetensors")
    save_file({n: w * 1.01 for n, w in weights.items()}, tmp_path / "other", {"format": "pt"})
    (tmp_path / "other").replace(model / "model.safetensors")
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 1, output
    _, trials = record(home, "longer")
    ended = Counter(run.data.tags["sweep.state"] for run in trials)
    assert ended["complete"] >= 2
    assert ended["failed"] >= 3
    assert sum(ended.values()) == 8, "none is tried again"
    (reason,) = {run.data.tags["reason"] for run in trials if run.data.tags.get("reason")}
    assert reason.startswith(
        f"trial.model.path: {model} must be what the sweep began with (sha256 "
    )
    assert f"failed: {reason} ({ended['failed']} trials)" in " ".join(output.split())
    complete = [run for run in trials if run.data.tags["sweep.state"] == "complete"]
    assert not any(run.data.metrics for run in trials if run not in complete)
    refused = sweep("resume", "longer", SWEEP_HOME=str(home))
    assert (refused.returncode, refused.stderr.strip()) == (2, reason)
    (model / "model.safetensors").write_bytes(whole)
    again = sweep("retry", "longer", SWEEP_HOME=str(home))
    assert again.returncode == 0, again.stderr
    assert sweep("resume", "longer", SWEEP_HOME=str(home)).returncode == 0
    assert optuna_states(home, "longer")["COMPLETE"] == 8


@pytest.mark.long
def test_a_terminated_sweep_leaves_no_run_open_and_says_how_to_go_on(tmp_path):
    """tests/faults counts the trials of sweeps that were ended in any way, and resumed."""
    home = tmp_path / "sweeps"
    process = start("run", longer(tmp_path, 5), home=home)
    wait_for_trials(process, 1)
    process.send_signal(signal.SIGSTOP)  # else it may have ended before SIGTERM
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


TASKS = ROOT / "tests" / "harness_tasks"
OWN_TASK = TINY.replace(
    "{name: stereoset, data: miniature, limit: 40}", "{name: harness, task: TASK}"
)
OWN_TASK = OWN_TASK.replace("bias/miniature/gap", "task/TASK/acc").replace("trials: 4", "trials: 1")


def write_spec(folder: Path, task: str = "mini_capitals") -> Path:
    path = folder / "tiny.yaml"
    path.write_text(OWN_TASK.replace("TASK", task))
    return path


@pytest.mark.long
def test_a_task_of_a_folder_that_the_command_names_is_a_goal_and_resuming_finds_it(tmp_path):
    home = tmp_path / "sweeps"
    spec = write_spec(tmp_path)
    ended = sweep("run", spec, "--harness-tasks", TASKS, SWEEP_HOME=str(home))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert verb("sync", "tiny", SWEEP_HOME=str(home)).exit_code == 0
    (home / "tiny/sweep.yaml").write_text(spec.read_text().replace("trials: 1", "trials: 2"))
    ended = sweep("resume", "tiny", SWEEP_HOME=str(home))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    _, trials = record(home, "tiny")
    assert len(trials) == 2
    for run in trials:
        assert 0 <= run.data.metrics["task/mini_capitals/acc"] <= 1
        assert run.data.metrics["se/task/mini_capitals/acc"] > 0


def test_check_finds_a_task_that_is_misspelt_with_its_line(tmp_path):
    spec = write_spec(tmp_path, "mini_capitls")
    ended = sweep("check", spec, "--harness-tasks", TASKS)
    assert ended.returncode == 2
    (sentence,) = ended.stderr.splitlines()
    assert sentence.startswith(
        f"{spec}:11: trial.evaluators.0.task must be a task of lm-evaluation"
    )
    assert sentence.endswith("but got 'mini_capitls'; did you mean 'mini_capitals'?")


def test_the_metrics_of_a_task_of_ones_own_are_listed(tmp_path):
    spec = write_spec(tmp_path)
    ended = sweep("metrics", spec, "--harness-tasks", TASKS)
    assert ended.returncode == 0, ended.stderr
    assert "task/mini_capitals/acc" in ended.stdout
    ended = sweep("metrics", spec)
    assert ended.returncode == 2
    assert "; a task of your own is found in the folder that --harness-tasks names" in ended.stderr


def test_without_the_harness_check_says_what_to_install(tmp_path):
    code = (
        "import sys; sys.modules['lm_eval'] = None; sys.argv[0] = 'sweep'\n"
        "from sweep.cli.app import main; main()"
    )
    spec = write_spec(tmp_path)
    ended = subprocess.run(
        [sys.executable, "-c", code, "check", str(spec)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        f"{spec}:11: trial.evaluators.0.task needs lm-evaluation-harness, which is not installed: "
        "`pip install -e '.[harness]'` brings it."
    ]
