"""The cluster that a sweep runs on, and how many trials it holds."""

import pytest

from sweep.run_sweep import run
from sweep.running import CannotRun
from tests.sweep.conftest import pretending

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.usefixtures("cluster")]


def test_a_trial_that_no_node_can_hold_is_refused_in_one_sentence(spec_of):
    spec, document = spec_of(2, budget="resources: {cpus_per_trial: 64}\nbudget")
    with pytest.raises(CannotRun, match="a trial takes 64 CPUs and 0 GPUs, but the cluster"):
        run(spec, document, run_trial=pretending())
