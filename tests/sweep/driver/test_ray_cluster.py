"""The cluster that a sweep runs on, and how many trials it holds."""

import os
import subprocess
import sys

import pytest
import ray

from sweep.config.spec import Resources
from sweep.driver.ray_cluster import joined, num_at_once, num_nodes
from sweep.driver.run_sweep import run
from sweep.driver.running_sweep import CannotRun
from tests.sweep.conftest import pretending

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.usefixtures("cluster")]


def test_a_trial_that_no_node_can_hold_is_refused_in_one_sentence(spec_of):
    spec, document = spec_of(2, budget="resources: {cpus_per_trial: 64}\nbudget")
    with pytest.raises(CannotRun, match="a trial takes 64 CPUs and 0 GPUs, but the cluster"):
        run(spec, document, run_trial=pretending())


def test_as_many_trials_run_at_once_as_fit_unless_the_spec_gives_a_number():
    """The cluster of these tests has two CPUs."""
    assert num_at_once(Resources()) == 2
    assert num_at_once(Resources(cpus_per_trial=2)) == 1
    assert num_at_once(Resources(at_once=5)) == 5
    assert num_at_once(Resources(at_once=1, gpus_per_trial=1)) == 1, "a node is still to come"


def test_a_cluster_that_is_joined_already_stays_joined():
    with joined(None, "sqlite:///mlflow.db"):
        assert num_nodes() == 1
    assert ray.is_initialized()


def test_a_cluster_that_is_not_there_is_one_sentence_at_once():
    """In a process of its own, which has joined no cluster."""
    code = "from sweep.driver.ray_cluster import joined\nwith joined('127.0.0.1:9', ''): pass"
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=20
    )
    last_line = process.stderr.splitlines()[-1]
    assert last_line.startswith(
        "sweep.driver.running_sweep.CannotRun: --address must be a Ray cluster that is up and lets us in (auto or "
        "HOST:PORT), but '127.0.0.1:9' cannot be joined: "
    )


def test_a_cluster_that_cannot_start_on_this_machine_is_one_sentence():
    """The names of Ray's sockets are too long below this folder."""
    code = "from sweep.driver.ray_cluster import joined\nwith joined(None, ''): pass"
    process = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"RAY_TMPDIR": f"/tmp/{'x' * 120}"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    last_line = process.stderr.splitlines()[-1]
    assert last_line.startswith(
        "sweep.driver.running_sweep.CannotRun: Ray must start on this machine, but does not: "
    )
    assert last_line.endswith(
        ". If the machine is busy, try again; --address joins a cluster that is up."
    )
