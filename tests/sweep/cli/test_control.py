"""Real sweeps of pretended trials, whose drivers get requests as if from another terminal."""

import contextlib
import io
import os
import signal
import threading
import time

import pytest
from ray.tune import Callback

from analysis.record import reader
from sweep import workspace
from sweep.cli import control
from sweep.driver.run_sweep import resume, run
from sweep.driver.running_sweep import Stopped
from sweep.tracking import control_requests, sweeps
from sweep.tracking.entries.kinds import now
from sweep.workers.result import TrialResult
from tests.sweep.conftest import sweep

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.usefixtures("cluster")]


def waiting(for_file, first_fails=None):
    """Trials that wait in their second report until a file is there; the first may fail instead."""

    def run_trial(config, *, resume_from=None):
        import time

        from trainables.report import Report

        names = [metric.name for metric in config.metrics()]
        for step in range(3):
            if step == 1 and first_fails and not first_fails.exists():
                first_fails.touch()
                raise RuntimeError("out of something")
            while step == 1 and not for_file.exists():
                time.sleep(0.05)
            values = dict.fromkeys(names, config.train.lr)
            yield Report(step, step / 2, values, lambda folder: None, print)

    return run_trial


class Watch(Callback):
    """Runs something beside the sweep once so many trials have begun."""

    def __init__(self, num, then):
        self._left = num
        self._thread = threading.Thread(target=then)

    def __getstate__(self):
        return {}

    def on_trial_result(self, iteration, trials, trial, result, **_):
        if TrialResult.of(result).step == 0:
            self._left -= 1
            if self._left == 0:
                self._thread.start()


def sweep_of(spec):
    return reader.read_sweep(spec.name, tracking_uri=workspace.local_tracking_uri())


def record_of(spec):
    return sweeps.find_sweep(workspace.local_tracking_uri(), spec.name)


def call(verb, spec, **options):
    """Call a verb and return the text that it prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        getattr(control, verb)(spec.name, **options)
    return printed.getvalue()


def states_of(spec):
    return sweep_of(spec).trials["state"].tolist()


@pytest.mark.long
def test_a_paused_sweep_starts_no_trial_until_it_is_resumed_and_ctrl_c_ends_it(spec_of, tmp_path):
    spec, document = spec_of(5)
    go = tmp_path / "go"
    seen = []

    def paused(then):
        call("pause", spec)
        time.sleep(1.5)  # until the driver has read it
        go.touch()
        deadline = time.monotonic() + 20
        while "running" in states_of(spec) and time.monotonic() < deadline:
            time.sleep(0.2)
        time.sleep(1.5)
        seen.append((sweep_of(spec).state, states_of(spec).count("complete"), time.monotonic()))
        then()

    def ctrl_c():
        os.kill(os.getpid(), signal.SIGINT)

    def unpause():
        assert control.unpause(spec.name, workspace.local_tracking_uri())

    def watch(num, then):
        return lambda _: [Watch(num, lambda: paused(then))]

    with pytest.raises(KeyboardInterrupt):
        run(spec, document, run_trial=waiting(go), on_start=watch(2, ctrl_c))
    assert time.monotonic() - seen[0][2] < 10
    assert sweep_of(spec).state == "interrupted"
    go.unlink()
    resume(spec, document, run_trial=waiting(go), on_start=watch(1, unpause))
    assert [state for state, _, _ in seen] == ["paused", "paused"]
    assert seen[0][1] == 2
    assert seen[1][1] < 5
    assert (sweep_of(spec).state, states_of(spec)) == ("finished", ["complete"] * 5)


def test_stop_lets_the_running_trials_finish_and_resume_runs_the_rest(spec_of, tmp_path, capsys):
    spec, document = spec_of(5)
    go = tmp_path / "go"

    def then():
        call("stop", spec)
        with pytest.raises(SystemExit):
            call("pause", spec)
        time.sleep(1.5)
        go.touch()

    run(spec, document, run_trial=waiting(go), on_start=lambda _: [Watch(2, then)])
    assert (sweep_of(spec).state, states_of(spec)) == ("stopped", ["complete"] * 2)
    with pytest.raises(SystemExit):
        call("pause", spec)
    assert capsys.readouterr().err.splitlines() == [
        "tiny must be running to be paused, but is stopping.",
        "tiny must be running to be paused, but is stopped.",
    ]
    resume(spec, document, run_trial=waiting(go))
    assert (sweep_of(spec).state, states_of(spec)) == ("finished", ["complete"] * 5)


@pytest.mark.long
def test_cancel_ends_it_now_and_it_can_be_resumed(spec_of, tmp_path):
    spec, document = spec_of(3)
    go = tmp_path / "go"

    def then():
        call("cancel", spec)
        time.sleep(1.5)
        go.touch()  # Tune waits for steps that run, but not for ever

    with pytest.raises(Stopped, match="cancelled"):
        run(spec, document, run_trial=waiting(go), on_start=lambda _: [Watch(2, then)])
    assert (sweep_of(spec).state, states_of(spec)) == ("cancelled", ["killed"] * 2)
    resume(spec, document, run_trial=waiting(go))
    assert (sweep_of(spec).state, states_of(spec)) == ("finished", ["complete"] * 3)


def test_a_cancelled_trial_fails_alone_and_is_tried_again_on_request(spec_of, tmp_path):
    spec, document = spec_of(4)
    go = tmp_path / "go"
    refused = []

    def then():
        refused.append(sweep("cancel", spec.name, "--trial", 9))
        call("cancel", spec, trial=1)
        deadline = time.monotonic() + 30
        while states_of(spec)[1] != "failed" and time.monotonic() < deadline:
            time.sleep(0.2)
        go.touch()

    run(spec, document, run_trial=waiting(go), on_start=lambda _: [Watch(2, then)])
    assert refused[0].returncode == 2
    assert (
        "--trial must be a running trial of tiny, but got 9: running are 0, 1." in refused[0].stderr
    )
    trials = sweep_of(spec).trials
    assert trials["state"].tolist() == ["complete", "failed", "complete", "complete"]
    assert trials["failure"].tolist() == ["", "cancelled", "", ""]

    assert call("retry", spec) == "1 trial is tried again by `sweep resume tiny`.\n"
    resume(spec, document, run_trial=waiting(go))
    trials = sweep_of(spec).trials
    assert trials["state"].tolist() == ["complete", "failed", "complete", "complete", "complete"]
    assert trials["train.lr"][4] == trials["train.lr"][1]
    retry_of = {
        r.data.tags["sweep.trial"]: r.data.tags.get("sweep.retry_of")
        for r in record_of(spec).trial_runs()
    }
    assert retry_of == {"0": None, "1": None, "2": None, "3": None, "4": "1"}
    resume(spec, document, run_trial=waiting(go))
    assert len(sweep_of(spec).trials) == 5, "a trial that was tried again is not tried once more"


@pytest.mark.long
def test_failed_trials_of_a_running_sweep_are_tried_again_within_it(spec_of, tmp_path):
    spec, document = spec_of(4)
    go = tmp_path / "go"
    seen = []

    def then():
        deadline = time.monotonic() + 30
        while "failed" not in states_of(spec) and time.monotonic() < deadline:
            time.sleep(0.2)
        seen.append(call("retry", spec))
        time.sleep(1.5)
        go.touch()

    run_trial = waiting(go, first_fails=tmp_path / "failed")
    run(spec, document, run_trial=run_trial, on_start=lambda _: [Watch(1, then)])
    assert seen == ["1 trial is tried again.\n"]
    assert sorted(states_of(spec)) == ["complete"] * 4 + ["failed"]


def test_a_driver_that_died_a_moment_ago_gets_no_request(spec_of, tmp_path, capsys):
    """Its sweep still counts as running, or paused."""
    spec, document = spec_of(1)
    go = tmp_path / "go"
    go.touch()
    record = run(spec, document, run_trial=waiting(go))
    record.reopen(record.run_id)
    control_requests.request(record, "pause")
    assert sweep_of(spec).state == "paused"
    assert "interrupted" in call("status", spec)
    assert not control.unpause(spec.name, record.tracking_uri)
    with pytest.raises(SystemExit):
        call("stop", spec)
    assert capsys.readouterr().err == "tiny must be running to be stopped, but is interrupted.\n"


def test_a_sweep_whose_driver_gives_no_sign_of_life_is_interrupted(spec_of, tmp_path):
    spec, document = spec_of(1)
    go = tmp_path / "go"
    go.touch()
    record = run(spec, document, run_trial=waiting(go))
    record.reopen(record.run_id)
    assert sweep_of(spec).state == "running"
    record.set_tags({"sweep.alive": str(now() - 100_000)})
    assert sweep_of(spec).state == "interrupted"
    record.set_tags({"sweep.alive": str(now())})
    for word, state in {"pause": "paused", "stop": "stopping", "cancel": "cancelling"}.items():
        control_requests.request(record, word)
        assert sweep_of(spec).state == state


def test_syncing_a_sweep_whose_journal_is_gone_says_so(sweep_home, capsys):
    kept = workspace.spec("gone")
    kept.parent.mkdir(parents=True)
    kept.write_text("name: gone")
    with pytest.raises(SystemExit, match="2"):
        control.sync("gone")
    assert capsys.readouterr().err == (
        f"{workspace.outbox('gone')} must hold the journal of gone, but is gone: put a copy back, or "
        "`sweep resume gone` records what its search knows.\n"
    )
    with pytest.raises(SystemExit, match="2"):
        control.sync("other")
    assert "no sweep named 'other' was run here: " in capsys.readouterr().err
