"""The record in a real MLflow store."""

import json
from pathlib import Path

import pytest

from sweep.config.check import load
from sweep.config.spec import Search
from sweep.samplers import Tpe
from sweep.tracking import registry, sweeps
from sweep.tracking.entries import Reported
from tests.sweep.conftest import TINY

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
    record = sweeps.open_sweep(uri, spec, document.text, {"alignment.x": "ab"}, str(folder / name))
    return record, spec, spec.trials()[0]


def runs(record) -> dict:
    return {run.data.tags["sweep.trial"]: run for run in record.trials()}


def test_a_name_is_taken_once(store, sweep):
    _, spec, _ = sweep
    with pytest.raises(sweeps.SweepExists, match=f"sweep resume {spec.name}"):
        sweeps.open_sweep(store[0], spec, "", {})


def test_a_deleted_sweep_leaves_its_name_free(store, sweep):
    record, spec, _ = sweep
    record.run_of(0)
    sweeps.delete_sweep(store[0], spec.name)
    assert sweeps.find_sweep(store[0], spec.name) is None
    fresh = sweeps.open_sweep(store[0], spec, "", {})
    assert fresh.trials() == []


def test_the_parent_declares_goals_and_metrics(sweep):
    record, spec, _ = sweep
    path = Path(record._client.download_artifacts(record.run_id, "declarations.json"))
    declared = json.loads(path.read_text())
    assert declared["goals"] == spec.goals
    assert {metric["name"] for metric in declared["metrics"]} == set(spec.metrics())


def test_the_parent_says_by_a_word_how_trials_are_chosen_and_stopped(store, sweep):
    record, spec, _ = sweep
    params = record._client.get_run(record.run_id).data.params
    goals = json.dumps(spec.goals)
    chosen = {"search.sampler": "random", "search.seed": "0", "scheduler": "none"}
    assert params == {"goals": goals} | chosen
    search = Search(sampler=Tpe(startup=20))
    spec = spec.model_copy(update={"name": f"{spec.name}-20", "search": search})
    record = sweeps.open_sweep(store[0], spec, "", {})
    params = record._client.get_run(record.run_id).data.params
    learnt = {"search.sampler": "tpe", "search.sampler.startup": "20"}
    assert params == {"goals": goals} | chosen | learnt


def test_a_run_is_found_before_it_is_created(sweep):
    record, spec, _ = sweep
    first = record.run_of(3)
    assert record.run_of(3) == first
    another = sweeps.find_sweep(record.tracking_uri, spec.name)
    assert another.run_of(3) == first
    assert len(record.trials()) == 1
    assert record.run_of(None) == record.run_id


def test_the_last_steps_are_those_of_trials_that_have_not_ended(sweep):
    record, _, _ = sweep
    for trial in (0, 1):
        reports = [Reported(trial=trial, at=0, step=s, metrics={"progress": s / 9}) for s in (0, 4)]
        record.log_batch(record.run_of(trial), reports, {}, {})
    record.log_batch(record.run_of(1), [], {}, {"sweep.state": "complete"})
    record.run_of(2)
    assert record.last_steps() == {0: 4}


def test_a_sweep_deleted_in_mlflows_interface_can_be_run_anew(store, sweep):
    record, spec, _ = sweep
    record._client.delete_experiment(record.experiment_id)
    assert sweeps.find_sweep(store[0], spec.name) is None
    sweeps.delete_sweep(store[0], spec.name)
    record._client.restore_experiment(record.experiment_id)
    sweeps.delete_sweep(store[0], spec.name)
    record._client.delete_experiment(record.experiment_id)
    assert sweeps.open_sweep(store[0], spec, "", {}).trials() == []


def test_data_sets_are_inputs_with_their_digests_however_often_that_is_said(sweep):
    record, _, _ = sweep
    run_id = record.run_of(3)
    digests = {"model.m": "00", "alignment.x": "ab" * 32, "evaluator.x": "cd" * 32}
    for _ in range(2):
        record.use(run_id, digests)
    inputs = record._client.get_run(run_id).inputs.dataset_inputs
    found = {(i.dataset.name, i.dataset.digest, i.tags[0].value) for i in inputs}
    assert found == {
        ("alignment.x", "ab" * 8, "training"),
        ("evaluator.x", "cd" * 8, "evaluation"),
    }
    assert len(inputs) == 2


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ([], r"`checkpoints: \{model: true\}` in the spec keeps them"),
        (["model.safetensors", "old.bin"], "must be in safetensors alone, but has old.bin"),
    ],
)
def test_what_cannot_be_registered_is_refused_with_the_reason(sweep, tmp_path, files, why):
    record, _, _ = sweep
    run_id = record.run_of(0)
    for name in files:
        (tmp_path / name).write_text("w")
        record.attach(run_id, tmp_path / name, "model")
    with pytest.raises(registry.NotKept, match=why):
        registry.register(record.tracking_uri, "refused", run_id, "card", {})
    assert not any(each.name == "refused" for each in record._client.search_registered_models()), (
        "nothing is begun"
    )
