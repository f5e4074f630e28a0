"""The laws of samplers and schedulers, run over every listed one."""

from types import SimpleNamespace

import pytest
import torch
from ray.tune.schedulers import FIFOScheduler

from sweep import samplers, schedulers
from tests import conformance
from tests.conformance import cases, describe, instances, laws
from tests.conformance.scheduler import decides_after_each_report_of_each_trial

KINDS = {
    "sampler": (samplers, samplers.AnySampler),
    "scheduler": (schedulers, schedulers.AnyScheduler),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_of_a_package_is_listed(kind):
    conformance.every_file_of_a_package_is_listed(*KINDS[kind])


@pytest.mark.parametrize("law", laws("plugin"))
@pytest.mark.parametrize(
    "plugin", [plugin for _, union in KINDS.values() for plugin in instances(union)], ids=describe
)
def test_plugin(plugin, law):
    law(plugin)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("sampler", "law"), cases(KINDS["sampler"][1], "sampler"))
def test_sampler(sampler, law):
    torch.set_num_threads(1)  # more are slower for a Gaussian process of so few trials
    law(sampler)


@pytest.mark.parametrize(("scheduler", "law"), cases(KINDS["scheduler"][1], "scheduler"))
def test_scheduler(scheduler, law):
    law(scheduler)


def test_a_scheduler_that_pauses_trials_breaks_a_law():
    class Pausing(FIFOScheduler):
        def on_trial_result(self, *_):
            return FIFOScheduler.PAUSE

    with pytest.raises(AssertionError, match="PAUSE: a trial goes on or ends"):
        decides_after_each_report_of_each_trial(SimpleNamespace(build=lambda goals: Pausing()))
