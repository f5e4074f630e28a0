"""The speed of a machine, from trials of earlier sweeps."""

import time

import pytest

from sweep import workspace
from sweep.cli.planning.recorded import recorded_speed
from sweep.planning.speed import trial_seconds, usual_speed
from sweep.planning.work.shapes import CATALOGUED
from sweep.planning.work.trial_work import work_of
from tests.sweep.conftest import verb
from trainables.schema.plain_yaml import to_yaml

SHAPE = CATALOGUED["miniature-llama"]
USUAL = usual_speed(SHAPE, is_gpu=False, num_cores=1, dtype="fp32")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """A cache folder without calibrations, which would count before the record."""
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def recorded(spec_of, sweep_home):
    """A function that records complete trials of TINY: recorded(times), times what is usual."""
    from mlflow import MlflowClient

    from analysis.record.names import Role, Tag

    spec, document = spec_of(4)

    def record(*times: float, resources: str = ""):
        workspace.spec(spec.name).parent.mkdir(exist_ok=True)
        workspace.spec(spec.name).write_text(document.text + resources)
        client = MlflowClient(workspace.local_tracking_uri())
        experiment = client.create_experiment(spec.name, str(sweep_home / "artifacts" / spec.name))
        trial = spec.trials()[0]
        usual = sum(part.value for part in trial_seconds(work_of(trial, SHAPE), USUAL).values())
        for factor in times:
            begun = int(time.time() * 1000)
            tags = {Tag.ROLE: Role.TRIAL, Tag.STATE: "complete", Tag.SWEEP: spec.name}
            run = client.create_run(experiment, begun, tags)
            client.log_text(run.info.run_id, to_yaml(trial.tree()), "trial.yaml")
            client.set_terminated(run.info.run_id, end_time=begun + round(1000 * usual * factor))

    return spec, record


def test_recorded_trials_say_how_much_longer_than_usual_they_took(recorded):
    spec, record = recorded
    record(4.0, 5.0, 6.0)
    speed = recorded_speed(spec, USUAL)
    assert speed.basis == "3 recorded trials of this model"
    assert speed.factor.value == pytest.approx(5, rel=0.01)
    assert speed.factor.low < 4.01
    assert speed.factor.high > 5.99


def test_few_trials_or_none_say_nothing(recorded):
    spec, record = recorded
    assert recorded_speed(spec, USUAL) is None
    record(4.0, 5.0)
    assert recorded_speed(spec, USUAL) is None


def test_trials_with_other_resources_say_nothing(recorded):
    spec, record = recorded
    record(4.0, 5.0, 6.0, resources="resources: {cpus_per_trial: 2}\n")
    assert recorded_speed(spec, USUAL) is None


def test_a_plan_names_them(recorded):
    spec, record = recorded
    record(4.0, 5.0, 6.0)
    shown = verb("plan", workspace.spec(spec.name)).stdout
    assert "3 recorded trials" in shown
