"""How many trials there is room for, on a real Ray of two CPUs."""

import pytest

from sweep.config.spec import Resources
from sweep.driver.cluster.room import num_at_once
from sweep.driver.run_sweep import run
from sweep.driver.running_sweep import CannotRun
from tests.sweep.conftest import pretending

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.usefixtures("cluster")]


@pytest.mark.parametrize("at_once", ["", ", at_once: 1"])
def test_a_trial_that_this_machine_cannot_hold_is_refused_in_one_sentence(at_once, spec_of):
    spec, document = spec_of(2, budget=f"resources: {{cpus_per_trial: 64{at_once}}}\nbudget")
    with pytest.raises(CannotRun, match="a trial takes 64 CPUs and 0 GPUs, but this machine has 2"):
        run(spec, document, run_trial=pretending())


def test_as_many_trials_run_at_once_as_fit_unless_the_spec_gives_a_number():
    assert num_at_once(Resources(), is_here=True) == 2
    assert num_at_once(Resources(cpus_per_trial=2), is_here=True) == 1
    assert num_at_once(Resources(at_once=5), is_here=True) == 5


@pytest.mark.parametrize(
    ("at_once", "cap", "num"), [(None, 1, 1), (None, 8, 2), (5, 3, 3), (1, 3, 1)]
)
def test_a_cap_is_never_a_target(at_once, cap, num):
    assert num_at_once(Resources(at_once=at_once), cap, is_here=False) == num


def test_a_cap_does_not_stand_for_the_number_of_a_cluster_whose_nodes_are_to_come():
    with pytest.raises(CannotRun, match=r"or set resources\.at_once if nodes are still to come"):
        num_at_once(Resources(gpus_per_trial=1), 4, is_here=False)


def test_a_cluster_may_get_the_node_that_a_trial_needs_which_is_waited_for(caplog):
    needs = Resources(at_once=1, gpus_per_trial=1)
    assert num_at_once(needs, is_here=False) == 1
    (message,) = caplog.messages
    assert message.startswith("a trial takes 1 CPU and 1 GPU, which no node of the cluster has yet")
    with pytest.raises(
        CannotRun, match="no node of the cluster has as many: lower `resources`, or"
    ):
        num_at_once(Resources(gpus_per_trial=1), is_here=False)
