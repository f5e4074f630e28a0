"""Processors and accelerators of this machine, and how many trials fit on it."""

import os

import pytest

from sweep.config.spec import Resources
from sweep.planning.machine import this_machine
from tests.sweep.planning.conftest import LAPTOP, SERVER


@pytest.mark.parametrize(
    ("machine", "resources", "room"),
    [
        (LAPTOP, Resources(), 4),
        (LAPTOP, Resources(cpus_per_trial=3), 1),
        (LAPTOP, Resources(cpus_per_trial=5), 0),
        (LAPTOP, Resources(gpus_per_trial=1), 0),
        (SERVER, Resources(gpus_per_trial=1), 2),
        (SERVER, Resources(gpus_per_trial=0.25), 8),
        (SERVER, Resources(gpus_per_trial=0.4), 4),  # what is left of both is no share of one
        (SERVER, Resources(gpus_per_trial=0.6), 2),
        (SERVER, Resources(gpus_per_trial=2), 1),
        (SERVER, Resources(workers_per_trial=2, gpus_per_trial=2), 1),
        (LAPTOP, Resources(workers_per_trial=3), 1),
        (SERVER, Resources(cpus_per_trial=16, gpus_per_trial=0.25), 2),
    ],
)
def test_a_machine_has_room_for_as_many_trials_as_its_cores_and_gpus_hold(machine, resources, room):
    assert machine.room(resources) == room


def test_a_trial_computes_on_a_gpu_if_it_is_given_one():
    assert SERVER.device(Resources(gpus_per_trial=1)) == "a GPU"
    assert SERVER.device(Resources()) == "a processor"
    assert LAPTOP.device(Resources(gpus_per_trial=1)) == ""


def test_this_machine_has_a_processor_of_some_name_and_memory():
    machine = this_machine()
    assert machine.cpu
    assert machine.num_cpus == os.cpu_count()
    assert machine.memory > 1e8
