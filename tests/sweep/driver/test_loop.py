"""Sweeps that are interrupted, fail or fill the disk, under real Ray Tune with trials that do nothing."""

import resource
import signal

import pytest
from ray.tune import Callback
from ray.tune.schedulers import FIFOScheduler

from sweep import workspace
from sweep.driver import listener
from sweep.driver.interrupts import TuneInterrupt
from sweep.driver.listener import Listener
from sweep.driver.run_sweep import resume, run
from sweep.driver.running_sweep import CannotRun, Stopped
from sweep.schedulers import NoScheduler
from sweep.search.searcher import ParetoSearch
from sweep.search.study import open_study
from sweep.tracking.control_requests import Requests
from sweep.trial_request import NUMBER
from sweep.workers.result import TrialResult
from tests.sweep.conftest import GRID, POINTS, pretending, states

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.usefixtures("cluster")]


def test_without_one_complete_trial_a_sweep_has_failed(spec_of):
    spec, document = spec_of(1)
    record = run(spec, document, run_trial=pretending(range(7)))
    assert record._client.get_run(record.run_id).info.status == "FAILED"


def test_an_interrupted_grid_runs_the_rest_and_what_was_running(spec_of):
    class Stop(Callback):
        def on_trial_complete(self, iteration, trials, trial, **_):
            if trial.config[NUMBER] == 1:
                signal.raise_signal(signal.SIGINT)

        def __getstate__(self):
            return {}

    spec, document = spec_of(None, GRID)
    with pytest.raises(KeyboardInterrupt):
        run(spec, document, run_trial=pretending(), on_start=lambda running: [Stop()])
    before, _, _ = states(spec)
    assert before["RUNNING"] >= 1, before
    assert sum(before.values()) < 6
    resume(spec, document, run_trial=pretending())
    assert states(spec) == ({"COMPLETE": 6}, {"FINISHED": 6}, [])
    study = open_study(workspace.folder(spec.name) / "search.journal", spec)
    assert [trial.params for trial in study.trials] == POINTS


@pytest.mark.long
def test_a_run_that_tune_ends_early_is_interrupted_but_not_by_ctrl_c(spec_of, monkeypatch):
    suggest = ParetoSearch.suggest

    def suggest_once(self, trial_id):
        return "FINISHED" if self._live else suggest(self, trial_id)

    spec, document = spec_of(3)
    with monkeypatch.context() as patch:
        patch.setattr(ParetoSearch, "suggest", suggest_once)
        with pytest.raises(Stopped, match="its run ended while trials were left") as stopped:
            run(spec, document, run_trial=pretending())
    assert stopped.value.state == "interrupted"
    resume(spec, document, run_trial=pretending())
    assert states(spec) == ({"COMPLETE": 3}, {"FINISHED": 3}, [])


@pytest.mark.long
def test_a_cancel_that_was_carried_out_stays_one_even_if_it_is_withdrawn(spec_of, monkeypatch):
    listeners, end_run = [], TuneInterrupt.end_run

    class Silent(Listener):
        """Has the requests that the test gives it."""

        def __enter__(self):
            listeners.append(self)
            return self

        def __getstate__(self):  # Tune pickles the callback below
            return {}

    class Cancel(Callback):
        def on_trial_complete(self, iteration, trials, trial, **_):
            listeners[0].requests = Requests("cancel")

        def __getstate__(self):
            return {}

    def end_run_and_withdraw(self):
        end_run(self)
        listeners[0].requests = Requests("go")

    monkeypatch.setattr(listener, "Listener", Silent)
    monkeypatch.setattr(TuneInterrupt, "end_run", end_run_and_withdraw)
    spec, document = spec_of(4)
    with pytest.raises(Stopped, match="cancelled") as stopped:
        run(spec, document, run_trial=pretending(), on_start=lambda running: [Cancel()])
    assert stopped.value.state == "cancelled"


def test_a_trial_that_a_scheduler_stops_is_pruned_and_the_others_run_to_their_end(spec_of):
    class AtHalf(FIFOScheduler):
        def on_trial_result(self, tune_controller, trial, result):
            must_stop = trial.config[NUMBER] % 2 and TrialResult.of(result).progress >= 0.5
            return "STOP" if must_stop else "CONTINUE"

    class OddTrialsAtHalf(NoScheduler):
        def build(self, goals):
            assert list(goals) == spec.goals
            return AtHalf()

    spec, document = spec_of(4)
    spec = spec.model_copy(update={"scheduler": OddTrialsAtHalf()})
    run(spec, document, run_trial=pretending())
    optuna_states, _, failures = states(spec)
    assert (optuna_states, failures) == ({"COMPLETE": 2, "PRUNED": 2}, [])


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        pytest.param("raise", "RuntimeError: out of something", marks=pytest.mark.long),
        ("nan", "diverged"),
        pytest.param("die", "its process died on ", marks=pytest.mark.long),
    ],
)
def test_a_trial_that_goes_wrong_is_failed_with_its_reason_and_the_others_go_on(
    spec_of, failure, reason
):
    shown = []

    class Show(Callback):
        def __init__(self, running):
            self.outcomes = running.new_outcomes

        def on_trial_complete(self, iteration, trials, trial, **_):
            shown.append(self.outcomes[trial.config[NUMBER]].failure)

        def on_trial_error(self, iteration, trials, trial, **_):
            self.on_trial_complete(iteration, trials, trial)

        def __getstate__(self):
            return {}

    spec, document = spec_of(5)
    run(
        spec,
        document,
        run_trial=pretending((2,), failure),  # the first trial
        on_start=lambda running: [Show(running)],
    )
    optuna_states, mlflow_states, reasons = states(spec)
    assert len(shown) == 5
    assert list(filter(None, shown)) == reasons, "as it is recorded"
    assert optuna_states == {"COMPLETE": 4, "FAIL": 1}
    assert mlflow_states == {"FINISHED": 4, "FAILED": 1}
    (recorded,) = reasons
    assert reason in recorded


@pytest.mark.long
def test_a_search_that_was_lost_or_put_back_is_refused_before_trials_run_twice(spec_of):
    spec, document = spec_of(3)
    run(spec, document, run_trial=pretending())
    journal = workspace.folder(spec.name) / "search.journal"
    content = journal.read_bytes()
    journal.write_bytes(b"")
    with pytest.raises(CannotRun, match=r"does not know that trials 0, 1, 2 ended: put the"):
        resume(*spec_of(4), run_trial=pretending())
    journal.write_bytes(content)
    cost = open_study(journal, spec).trials[1].values[0]
    journal.write_bytes(content.replace(f"[{cost},".encode(), b"[0.5,"))
    with pytest.raises(CannotRun, match=r"but trial 1 has a cost of 0\.5 in .*, and .* by the rec"):
        resume(*spec_of(4), run_trial=pretending())
    journal.write_bytes(content)
    resume(*spec_of(4), run_trial=pretending())
    assert states(spec) == ({"COMPLETE": 4}, {"FINISHED": 4}, [])


@pytest.mark.long
@pytest.mark.parametrize("whose", [pytest.param("driver", marks=pytest.mark.long), "worker"])
def test_a_full_disk_ends_a_sweep_that_goes_on_once_there_is_room(spec_of, tmp_path, whose):
    """The disk is full for the files of the driver, or for those of a trial."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    full = tmp_path / "full"

    class Fill(Callback):
        def on_trial_complete(self, iteration, trials, trial, **_):
            if whose == "driver":
                journal = workspace.folder("tiny") / "record" / "journal.jsonl"
                max_bytes = journal.stat().st_size + 100
                resource.setrlimit(resource.RLIMIT_FSIZE, (max_bytes, limits[1]))
            else:
                full.touch()

        def __getstate__(self):
            return {}

    def run_trial(config, *, resume_from=None):
        import errno

        for report in pretending()(config):
            if full.exists():
                raise OSError(errno.ENOSPC, "No space left on device")
            yield report

    spec, document = spec_of(4)
    try:
        with pytest.raises(Stopped, match="the disk is full"):
            run(spec, document, run_trial=run_trial, on_start=lambda running: [Fill()])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        full.unlink(missing_ok=True)
    assert states(spec)[0]["COMPLETE"] >= 1
    assert states(spec)[0]["FAIL"] == 0
    resume(spec, document, run_trial=run_trial)
    assert states(spec) == ({"COMPLETE": 4}, {"FINISHED": 4}, [])
