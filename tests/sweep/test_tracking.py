"""The record in a real MLflow store."""

import json
from pathlib import Path

import pytest

from sweep import tracking
from sweep.search import Ending
from sweep.spec import load
from tests.sweep.conftest import TINY
from trainables.config import TrialConfig
from trainables.yaml_file import read, validate

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A tracking URI whose tables are there, and a counter for names."""
    folder = tmp_path_factory.mktemp("store")
    (folder / "tiny.yaml").write_text(TINY)
    return f"sqlite:///{folder / 'mlflow.db'}", folder


@pytest.fixture
def sweep(store, request):
    """A sweep of its own for each test: (record, spec, config of a trial)."""
    uri, folder = store
    spec, document = load(folder / "tiny.yaml")
    name = request.node.name.replace("_", "-")[:90]
    spec = spec.model_copy(update={"name": name})
    record = tracking.open_sweep(
        uri, spec, document.text, {"alignment.x": "ab"}, str(folder / name)
    )
    return record, spec, spec.trials()[0]


def runs(record) -> dict:
    return {run.data.tags["sweep.trial"]: run for run in record.trials()}


def test_a_name_is_taken_once(store, sweep):
    _, spec, _ = sweep
    with pytest.raises(tracking.SweepExists, match=f"sweep resume {spec.name}"):
        tracking.open_sweep(store[0], spec, "", {})


def test_a_deleted_sweep_leaves_its_name_free(store, sweep):
    record, spec, config = sweep
    record.open_trial(0, config, again=False)
    tracking.delete_sweep(store[0], spec.name)
    assert tracking.find_sweep(store[0], spec.name) is None
    fresh = tracking.open_sweep(store[0], spec, "", {})
    assert fresh.trials() == []


def test_the_parent_declares_goals_and_metrics(sweep):
    record, spec, _ = sweep
    path = Path(record._client.download_artifacts(record.run_id, "declarations.json"))
    declared = json.loads(path.read_text())
    assert declared["goals"] == spec.goals
    assert {metric["name"] for metric in declared["metrics"]} == set(spec.metrics())


def test_a_trial_opened_again_keeps_its_run(sweep):
    record, _, config = sweep
    first = record.open_trial(3, config, again=False)
    record.log(first, 1, {"bias/miniature/gap": 1.0, "progress": 0.5})
    assert record.open_trial(3, config, again=True) == first
    assert record.last_step(first, "progress") == 1
    assert record.last_step(first, "never") == -1
    assert len(record.trials()) == 1


def test_a_trial_that_died_before_its_run_gets_one_that_says_so(sweep):
    record, _, _ = sweep
    record.close_trial(Ending(5, "failed", "the trial's process failed"))
    run = runs(record)["5"]
    assert run.info.status == "FAILED"
    assert run.data.tags["sweep.state"] == "failed"
    assert run.data.tags["sweep.failure"] == "the trial's process failed"


def test_what_the_worker_said_of_a_failure_is_not_overwritten(sweep):
    record, _, config = sweep
    run_id = record.open_trial(6, config, again=False)
    record.explain_failure(run_id, "ValueError: no such data")
    record.close_trial(Ending(6, "failed", "the trial's process failed"))
    assert runs(record)["6"].data.tags["sweep.failure"] == "ValueError: no such data"


def test_closing_a_sweep_leaves_no_run_running(sweep):
    record, _, config = sweep
    record.close_trial(Ending(0, "complete", run_id=record.open_trial(0, config, again=False)))
    record.open_trial(1, config, again=False)
    record.close("KILLED")
    assert {number: run.info.status for number, run in runs(record).items()} == {
        "0": "FINISHED",
        "1": "KILLED",
    }


def test_reopening_closes_what_the_search_knows_has_ended(sweep):
    record, _, config = sweep
    record.open_trial(0, config, again=False)  # killed between telling Optuna and closing the run
    record.reopen({0: "complete", 1: "failed"})
    found = {n: (r.info.status, r.data.tags["sweep.state"]) for n, r in runs(record).items()}
    assert found == {"0": ("FINISHED", "complete"), "1": ("FAILED", "failed")}


def test_a_trials_yaml_is_the_trial(sweep, tmp_path):
    _, _, config = sweep
    path = tmp_path / "trial.yaml"
    path.write_text(tracking.trial_yaml(config, "tiny", 7))
    assert validate(TrialConfig, read(path)) == config
