"""What Ray Tune keeps of trials that have ended does not grow with their number."""

import gc
import logging
from collections import Counter

import pytest
from ray.air.execution._internal.tracked_actor_task import TrackedActorTask
from ray.tune import Callback
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial

from sweep.driver.cluster import ended_trials
from sweep.driver.run_sweep import run
from tests.sweep.conftest import pretending, states

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.usefixtures("cluster")]


class Count(Callback):
    """A callback of Ray Tune that counts, as each trial ends, what is alive of some classes."""

    def __init__(self):
        self.counts = []

    def on_trial_complete(self, *_, **__):
        gc.collect()
        self.counts.append(Counter(map(type, gc.get_objects())))

    def __getstate__(self):
        return {}


@pytest.mark.long
def test_trials_that_have_ended_are_not_kept_in_memory(spec_of):
    count = Count()
    spec, document = spec_of(10, budget="resources: {at_once: 2}\nbudget")
    run(spec, document, run_trial=pretending(), on_start=lambda running: [count])
    assert states(spec) == ({"COMPLETE": 10}, {"FINISHED": 10}, [])
    trials = [counts[Trial] for counts in count.counts]
    assert max(trials) - trials[0] <= 1, trials
    calls = [counts[TrackedActorTask] for counts in count.counts]
    assert max(calls) <= 5, calls


@pytest.mark.long
def test_a_release_of_ray_that_keeps_trials_elsewhere_is_told_once(spec_of, monkeypatch, caplog):
    monkeypatch.setattr(ended_trials, "PLACES", ("_trials", "_actor_manager._elsewhere"))
    before = TuneController.step
    spec, document = spec_of(2)
    with caplog.at_level(logging.WARNING):
        run(spec, document, run_trial=pretending())
    assert states(spec) == ({"COMPLETE": 2}, {"FINISHED": 2}, [])
    assert caplog.text.count("Ray Tune must have _actor_manager._elsewhere, and has not") == 1
    assert TuneController.step is before
