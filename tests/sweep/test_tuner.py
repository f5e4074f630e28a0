"""Whole sweeps of trials that only pretend to train, on one real Ray: what the rest costs and survives."""

import resource
import signal
from collections import Counter

import pandas as pd
import pytest
import ray
from ray.tune import Callback
from ray.tune.schedulers import FIFOScheduler

from sweep import home, shown, tuner
from sweep.schedulers import NoScheduler
from sweep.study import open_study
from tests.sweep.conftest import GRID, POINTS, pretending

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module", autouse=True)
def cluster():
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()


def states(spec) -> tuple[Counter, Counter, list]:
    """Of Optuna, of MLflow, and the sweep's failures."""
    from sweep.tracking import find_sweep

    record = find_sweep(home.local_tracking_uri(), spec.name)
    runs = record.trials()
    study = open_study(home.folder(spec.name) / "search.journal", spec)
    return (
        Counter(trial.state.name for trial in study.trials),
        Counter(run.info.status for run in runs),
        [run.data.tags["reason"] for run in runs if run.data.tags.get("reason")],
    )


def test_twenty_trials_are_twenty_trials_everywhere_and_run_once(spec_of):
    spec, document = spec_of(20)
    record = tuner.run(spec, document, run_trial=pretending())
    assert states(spec) == ({"COMPLETE": 20}, {"FINISHED": 20}, [])
    before = {run.info.run_id: run.info.end_time for run in record.trials()}
    tuner.resume(spec, document, run_trial=pretending())
    assert {run.info.run_id: run.info.end_time for run in record.trials()} == before


def test_each_point_of_a_grid_is_run_once_under_its_number(spec_of):
    spec, document = spec_of(None, GRID)
    record = tuner.run(spec, document, run_trial=pretending())
    study = open_study(home.folder(spec.name) / "search.journal", spec)
    assert [trial.params for trial in study.trials] == POINTS
    rates = {
        int(r.data.tags["sweep.trial"]): float(r.data.params["train.lr"]) for r in record.trials()
    }
    assert rates == {number: point["train.lr"] for number, point in enumerate(POINTS)}
    assert record._client.get_run(record.run_id).info.status == "FINISHED"


def test_without_one_complete_trial_a_sweep_has_failed(spec_of):
    spec, document = spec_of(1)
    record = tuner.run(spec, document, run_trial=pretending(range(7)))
    assert record._client.get_run(record.run_id).info.status == "FAILED"


def test_an_interrupted_grid_runs_the_rest_and_what_was_running(spec_of):
    class Stop(Callback):
        def on_trial_complete(self, iteration, trials, trial, **_):
            if trial.config["number"] == 1:
                signal.raise_signal(signal.SIGINT)

        def __getstate__(self):
            return {}

    spec, document = spec_of(None, GRID)
    with pytest.raises(KeyboardInterrupt):
        tuner.run(spec, document, run_trial=pretending(), on_start=lambda started: [Stop()])
    before, _, _ = states(spec)
    assert before["RUNNING"] >= 1, before
    assert sum(before.values()) < 6
    tuner.resume(spec, document, run_trial=pretending())
    assert states(spec) == ({"COMPLETE": 6}, {"FINISHED": 6}, [])
    study = open_study(home.folder(spec.name) / "search.journal", spec)
    assert [trial.params for trial in study.trials] == POINTS


def test_what_a_scheduler_stops_is_pruned_and_the_other_trials_run_to_their_end(spec_of):
    class AtHalf(FIFOScheduler):
        def on_trial_result(self, tune_controller, trial, result):
            stops = trial.config["number"] % 2 and result["progress"] >= 0.5
            return "STOP" if stops else "CONTINUE"

    class OddTrialsAtHalf(NoScheduler):
        def build(self, goals):
            assert list(goals) == spec.goals
            return AtHalf()

    spec, document = spec_of(4)
    spec = spec.model_copy(update={"scheduler": OddTrialsAtHalf()})
    tuner.run(spec, document, run_trial=pretending())
    optuna_states, _, failures = states(spec)
    assert (optuna_states, failures) == ({"COMPLETE": 2, "PRUNED": 2}, [])


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("raise", "RuntimeError: out of something"),
        ("nan", "diverged"),
        ("die", "its process died on "),
    ],
)
def test_a_trial_that_goes_wrong_is_failed_with_its_reason_and_the_others_go_on(
    spec_of, how, reason
):
    spec, document = spec_of(5)
    tuner.run(spec, document, run_trial=pretending((2,), how))  # the first of them
    optuna_states, mlflow_states, failures = states(spec)
    assert optuna_states == {"COMPLETE": 4, "FAIL": 1}
    assert mlflow_states == {"FINISHED": 4, "FAILED": 1}
    (failure,) = failures
    assert reason in failure


def test_what_trials_find_at_other_alphas_comes_back_as_candidates(spec_of):
    from analysis.runs import Candidate, read_sweep

    fusion = "fusion: {alpha: {choice: [0.5, 1.0]}, also: [0, 0.5]}\n  evaluators:"
    spec, document = spec_of(4, **{"evaluators:": fusion})
    record = tuner.run(spec, document, run_trial=pretending())
    sweep = read_sweep(spec.name, tracking_uri=record.tracking_uri)
    expected = []
    for number, own in zip(sweep.trials["trial"], sweep.trials["fusion.alpha"], strict=True):
        expected += [f"{number}"] if own == 0.5 else [f"{number}", f"{number}@0.5"]
    rows = sweep.candidates().to_dict("records")
    assert [str(Candidate.of(row)) for row in rows] == expected
    assert set(sweep.trials["fusion.also"]) == {"0.0 0.5"}
    assert len(open_study(home.folder(spec.name) / "search.journal", spec).trials) == 4


def test_a_trial_that_no_node_can_hold_is_refused_in_one_sentence(spec_of):
    spec, document = spec_of(2, budget="resources: {cpus_per_trial: 64}\nbudget")
    with pytest.raises(tuner.CannotRun, match="a trial takes 64 CPUs and 0 GPUs, but the cluster"):
        tuner.run(spec, document, run_trial=pretending())


def test_a_sweep_recorded_elsewhere_is_remembered_to_be_until_it_is_replaced(
    spec_of, tmp_path, monkeypatch
):
    from sweep.tracking import find_sweep

    monkeypatch.chdir(tmp_path)
    spec, document = spec_of(2)
    (tmp_path / "elsewhere").mkdir()
    uri = f"sqlite:///{tmp_path}/elsewhere/mine.db"
    tuner.run(spec, document, tracking_uri=uri, run_trial=pretending())
    assert home.tracking_uri(spec.name) == uri
    assert len(find_sweep(uri, spec.name).trials()) == 2
    assert (tmp_path / "elsewhere" / "artifacts" / "tiny").is_dir(), "beside the database"
    assert not (tmp_path / "mlruns").exists()
    kept = [path for path in (home.folder(spec.name) / "ray").rglob("*") if path.is_file()]
    assert kept
    for path in kept:  # a tracking URI may hold a password
        assert b"mine.db" not in path.read_bytes(), path

    local = home.local_tracking_uri()
    with pytest.raises(tuner.CannotRun, match="start anew with --replace"):
        tuner.run(spec, document, run_trial=pretending(), tracking_uri=local)
    tuner.run(spec, document, run_trial=pretending(), tracking_uri=local, replace=True)
    assert home.tracking_uri(spec.name) == local
    tuner.run(*spec_of(3), run_trial=pretending(), replace=True)
    assert states(spec) == ({"COMPLETE": 3}, {"FINISHED": 3}, [])


def test_a_sweep_goes_on_with_what_it_began_with_wherever_that_is_asked_for(
    spec_of, tmp_path, monkeypatch
):
    """Relative paths are from where it was started; changed contents are refused."""
    start, elsewhere = tmp_path / "start", tmp_path / "elsewhere"
    start.mkdir()
    elsewhere.mkdir()
    pairs = start / "pairs.jsonl"
    pairs.write_text('{"stereotype": "she was sad", "antistereotype": "he was sad"}\n')
    spec, document = spec_of(2, **{"data: miniature, size: 50": "data: pairs.jsonl"})

    def run_trial(config, *, resume_from=None):
        from pathlib import Path

        from trainables.report import Report

        found = float(Path(config.alignment.data).exists())
        names = [metric.name for metric in config.metrics()]
        yield Report(1, 1.0, dict.fromkeys(names, found), print, print)

    monkeypatch.chdir(start)
    record = tuner.run(spec, document, run_trial=run_trial)
    assert {run.data.metrics[spec.goals[0]] for run in record.trials()} == {1.0}
    monkeypatch.chdir(elsewhere)
    tuner.resume(spec, document, run_trial=pretending())
    assert states(spec) == ({"COMPLETE": 2}, {"FINISHED": 2}, [])
    pairs.write_text('{"stereotype": "he was sad", "antistereotype": "she was sad"}\n')
    with pytest.raises(tuner.CannotRun, match=r"alignment.pairs.jsonl must be what the sweep tiny"):
        tuner.resume(spec, document, run_trial=pretending())


def test_a_refused_sweep_leaves_no_record(spec_of):
    from sweep.tracking import find_sweep

    spec, document = spec_of(2, budget="resources: {cpus_per_trial: 64}\nbudget")
    with pytest.raises(tuner.CannotRun):
        tuner.run(spec, document, run_trial=pretending())
    assert find_sweep(home.local_tracking_uri(), spec.name) is None


def test_a_resumed_sweep_may_spend_more_and_search_more_but_not_become_another(spec_of):
    from sweep.tracking import find_sweep

    spec, document = spec_of(2)
    tuner.run(spec, document, run_trial=pretending())
    grown = {"  train:": "      - {name: cda, sides: two}\n  train:"}
    tuner.resume(*spec_of(9, **grown), run_trial=pretending())
    record = find_sweep(home.local_tracking_uri(), spec.name)
    runs = sorted(record.trials(), key=lambda run: int(run.data.tags["sweep.trial"]))
    assert [r.data.tags["sweep.space_version"] for r in runs] == ["1"] * 2 + ["2"] * 7
    assert "cda" in {r.data.params["objective.name"] for r in runs[2:]}
    texts = [record._client.list_artifacts(record.run_id, "versions")]
    assert [entry.path for entry in texts[0]] == ["versions/1.yaml", "versions/2.yaml"]
    for changed in ({}, {"steps: 2": "steps: 3"}):
        with pytest.raises(tuner.CannotRun, match="but its trial changed: budget, resources and"):
            tuner.resume(*spec_of(9, **changed), run_trial=pretending())
    assert {run.info.status for run in record.trials()} == {"FINISHED"}


def test_the_record_of_a_lost_store_is_delivered_to_another(spec_of, tmp_path):
    from analysis.runs import read_sweep
    from sweep.tracking import delete_sweep, find_sweep

    spec, document = spec_of(5)
    record = tuner.run(spec, document, run_trial=pretending((0, 1)))
    before = read_sweep(spec.name, tracking_uri=record.tracking_uri)
    tuner.sync(spec.name)  # nothing to do
    delete_sweep(record.tracking_uri, spec.name)
    with pytest.raises(tuner.CannotRun, match="name the store that everything is to be delivered"):
        tuner.sync(spec.name)
    uri = f"sqlite:///{tmp_path / 'other.db'}"
    _, refused, has_ended = tuner.sync(spec.name, tracking_uri=uri, on_delivered=shown.last_front)
    assert (refused, has_ended) == (0, True)
    record = find_sweep(uri, spec.name)
    on_front = {
        int(run.data.tags["sweep.trial"])
        for run in record.trials()
        if run.data.tags["on_front"] == "true"
    }
    assert on_front == set(before.front()["trial"])
    note = record._client.get_run(record.run_id).data.tags["mlflow.note.content"]
    assert f"{len(on_front)} of " in note
    drawn = {entry.path for entry in record._client.list_artifacts(record.run_id, "front")}
    assert "front/front.html" in drawn
    after = read_sweep(spec.name, tracking_uri=home.tracking_uri(spec.name))
    assert home.tracking_uri(spec.name) == uri
    assert after.state == before.state == "finished"
    pd.testing.assert_frame_equal(
        after.trials.drop(columns="run_id"), before.trials.drop(columns="run_id")
    )
    assert after.base == before.base


def test_a_search_that_was_lost_or_put_back_is_refused_before_trials_run_twice(spec_of):
    spec, document = spec_of(3)
    tuner.run(spec, document, run_trial=pretending())
    journal = home.folder(spec.name) / "search.journal"
    whole = journal.read_bytes()
    journal.write_bytes(b"")
    with pytest.raises(tuner.CannotRun, match=r"does not know that trials 0, 1, 2 ended: put the"):
        tuner.resume(*spec_of(4), run_trial=pretending())
    journal.write_bytes(whole)
    tuner.resume(*spec_of(4), run_trial=pretending())
    assert states(spec) == ({"COMPLETE": 4}, {"FINISHED": 4}, [])


@pytest.mark.parametrize("whose", ["driver", "worker"])
def test_a_full_disk_ends_a_sweep_that_goes_on_once_there_is_room(spec_of, tmp_path, whose):
    """Full for the driver's files here, as for those of a trial."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    full = tmp_path / "full"

    class Fill(Callback):
        def on_trial_complete(self, iteration, trials, trial, **_):
            if whose == "driver":
                journal = home.folder("tiny") / "record" / "journal.jsonl"
                most = journal.stat().st_size + 100
                resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
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
        with pytest.raises(KeyboardInterrupt, match="the disk is full"):
            tuner.run(spec, document, run_trial=run_trial, on_start=lambda started: [Fill()])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        full.unlink(missing_ok=True)
    assert states(spec)[0]["COMPLETE"] >= 1
    assert states(spec)[0]["FAIL"] == 0
    tuner.resume(spec, document, run_trial=run_trial)
    assert states(spec) == ({"COMPLETE": 4}, {"FINISHED": 4}, [])
