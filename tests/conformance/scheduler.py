"""The laws of schedulers, with trials of Ray Tune and without a cluster."""

from typing import Any, get_args

from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from sweep.config.spec import SweepSpec
from sweep.schedulers.base import Decision
from sweep.trial_request import TrialRequest
from sweep.workers.result import TrialResult
from trainables.metrics.metric import Metric

GAP, RISE = "bias/laws/gap", "forgetting/laws/rise"
GOALS = {
    GAP: Metric(GAP, "points", "nearer", ideal=50.0, worst=100.0, about="any"),
    RISE: Metric(RISE, "nats", "lower", ideal=0.0, worst=10.0, about="any"),
}


def _built(scheduler: Any) -> Any:
    """The scheduler that Tune would use, its own if there is no other."""
    return scheduler.build(GOALS) or FIFOScheduler()


def is_named_by_a_word_or_by_a_mapping(scheduler: Any) -> None:
    any_sweep = {"name": "any", "trial": {}, "goals": [GAP]}
    by_word = SweepSpec.model_validate(any_sweep | {"scheduler": scheduler.name}).scheduler
    assert by_word == type(scheduler)()
    by_mapping = SweepSpec.model_validate(any_sweep | {"scheduler": scheduler.model_dump()})
    assert by_mapping.scheduler == scheduler


def gives_a_scheduler_of_tune(scheduler: Any) -> None:
    assert isinstance(_built(scheduler), TrialScheduler)


def shares_nothing_between_two_sweeps(scheduler: Any) -> None:
    first, second = scheduler.build(GOALS), scheduler.build(GOALS)
    assert first is not second or first is None


def decides_after_each_report_of_each_trial(scheduler: Any) -> None:
    built = _built(scheduler)
    for number in range(12):
        trial = Trial("any", stub=True, config=TrialRequest(number, {}).to_config())
        built.on_trial_add(None, trial)
        for progress in (0.25, 0.5, 0.75, 1.0):
            metrics = {GAP: 50.0 + number * progress, RISE: progress}
            report = TrialResult(step=1, progress=progress, metrics=metrics).for_tune()
            decision = built.on_trial_result(None, trial, report)
            assert decision in get_args(Decision), f"{decision}: a trial goes on or ends"
            if decision == "STOP":
                break
        built.on_trial_complete(None, trial, report)
