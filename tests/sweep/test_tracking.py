"""The record in a real MLflow store."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sweep import tracking
from sweep.ending import Ending
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
    record.open_trial(0, config)
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
    first, step = record.open_trial(3, config)
    assert step == -1
    record.log(first, 1, {"bias/miniature/gap": 1.0, "progress": 0.5})
    record.explain_failure(first, "it was interrupted")
    assert record.open_trial(3, config) == (first, 1)
    (run,) = record.trials()
    assert "sweep.failure" not in run.data.tags


def test_more_metrics_than_one_request_takes_are_recorded_and_the_progress_last(sweep):
    record, _, config = sweep
    run_id, _ = record.open_trial(4, config)
    record.log(run_id, 1, {f"bias/x/{n}": 0.5 for n in range(1500)} | {"progress": 1.0})
    (run,) = record.trials()
    assert len(run.data.metrics) == 1501
    assert record.open_trial(4, config) == (run_id, 1)


def test_a_trial_that_died_before_its_run_gets_one_that_says_so(sweep):
    record, _, _ = sweep
    record.close_trial(Ending(5, "failed", "the trial's process failed"))
    run = runs(record)["5"]
    assert run.info.status == "FAILED"
    assert run.data.tags["sweep.state"] == "failed"
    assert run.data.tags["sweep.failure"] == "the trial's process failed"


def test_what_the_worker_said_of_a_failure_is_not_overwritten(sweep):
    record, _, config = sweep
    run_id, _ = record.open_trial(6, config)
    record.explain_failure(run_id, "ValueError: no such data")
    record.close_trial(Ending(6, "failed", "the trial's process failed"))
    assert runs(record)["6"].data.tags["sweep.failure"] == "ValueError: no such data"


def test_closing_a_sweep_leaves_no_run_running(sweep):
    record, _, config = sweep
    record.close_trial(Ending(0, "complete", run_id=record.open_trial(0, config)[0]))
    record.open_trial(1, config)
    record.close("KILLED")
    assert {number: run.info.status for number, run in runs(record).items()} == {
        "0": "FINISHED",
        "1": "KILLED",
    }


def test_settling_closes_what_the_search_knows_has_ended(sweep):
    record, _, config = sweep
    record.open_trial(0, config)  # killed between telling Optuna and closing the run
    for _ in range(2):
        record.settle([Ending(0, "complete"), Ending(1, "failed", "it diverged")])
    found = {n: (r.info.status, r.data.tags["sweep.state"]) for n, r in runs(record).items()}
    assert found == {"0": ("FINISHED", "complete"), "1": ("FAILED", "failed")}
    assert runs(record)["1"].data.tags["sweep.failure"] == "it diverged"


def test_a_sweep_deleted_in_mlflows_interface_can_be_run_anew(store, sweep):
    record, spec, _ = sweep
    record._client.delete_experiment(record.experiment_id)
    assert tracking.find_sweep(store[0], spec.name) is None
    tracking.delete_sweep(store[0], spec.name)
    record._client.restore_experiment(record.experiment_id)
    tracking.delete_sweep(store[0], spec.name)
    record._client.delete_experiment(record.experiment_id)
    assert tracking.open_sweep(store[0], spec, "", {}).trials() == []


@pytest.mark.parametrize("uri", ["http://user:secret@127.0.0.1:5000", "https://token@host"])
def test_an_address_with_a_password_is_refused_without_repeating_it(uri):
    with pytest.raises(tracking.BadAddress, match="MLFLOW_TRACKING_PASSWORD") as caught:
        tracking.refuse_password(uri)
    assert "secret" not in str(caught.value)
    assert "token" not in str(caught.value)


def test_a_trials_yaml_is_the_trial(sweep, tmp_path):
    _, _, config = sweep
    path = tmp_path / "trial.yaml"
    path.write_text(tracking.trial_yaml(config, "tiny", 7))
    assert validate(TrialConfig, read(path)) == config


@pytest.mark.parametrize(
    ("uri", "sentence"),
    [
        (
            "mlruns",
            "must be http://HOST:PORT, sqlite:///FILE or another database, but got 'mlruns'",
        ),
        ("file:///tmp/x", "must be http://HOST:PORT, sqlite:///FILE or another database"),
        ("http://127.0.0.1:9", r"the tracking server .* must be up, but does not answer"),
        ("sqlite:////tmp/a%20b/x.db", "must be without %, . and #"),
        ("sqlite:////dev/null/x.db", "must be one that can be written, but"),
        ("http://me:secret@127.0.0.1:9", "must hold no user name or password"),
    ],
)
def test_a_store_that_cannot_be_used_is_one_clear_sentence(uri, sentence):
    with pytest.raises(tracking.BadAddress, match=sentence) as caught:
        tracking.reach(uri)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_new_store_is_made_by_one_process_alone(tmp_path):
    code = f"from sweep import tracking; tracking.reach('sqlite:///{tmp_path}/new.db')"
    together = [
        subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in together:
        _, errors = process.communicate(timeout=100)
        assert process.returncode == 0, errors
