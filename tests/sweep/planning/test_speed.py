"""How long a device takes for the work of a trial."""

from dataclasses import replace

import pytest

from sweep.planning.devices import CPU_CORE
from sweep.planning.interval import Interval
from sweep.planning.speed import DefaultSpeed, ScaledSpeed, trial_seconds, usual_speed
from sweep.planning.work.shapes import CATALOGUED
from sweep.planning.work.trial_work import work_of
from tests.sweep.planning.conftest import shipped

SHAPE = CATALOGUED["smollm2-135m"]
TRIAL = shipped("smollm2").trials()[0]
WORK = work_of(TRIAL, SHAPE)


def test_a_step_takes_its_flop_its_weights_and_its_tensors():
    usual = usual_speed(SHAPE, is_gpu=False, num_cores=2, dtype="fp32")
    seconds = (
        WORK.step_flop / (2 * CPU_CORE.train_flop_s)
        + CPU_CORE.weight_s * SHAPE.num_weights
        + CPU_CORE.tensor_s * SHAPE.num_tensors
    )
    assert usual.step_s(WORK).value == pytest.approx(seconds)
    assert usual.step_s(WORK).high == pytest.approx(seconds * CPU_CORE.factor)


def test_a_gpu_is_faster_and_its_range_is_wider():
    cpu, gpu = (usual_speed(SHAPE, is_gpu=g, num_cores=1, dtype="bf16") for g in (False, True))
    assert gpu.step_s(WORK).value < cpu.step_s(WORK).value
    assert gpu.device.factor > cpu.device.factor


def test_a_model_whose_size_is_guessed_has_a_wider_range():
    guessed = DefaultSpeed(CPU_CORE, 1, SHAPE._replace(factor=1.5), False)
    assert guessed.step_s(WORK).high == pytest.approx(1.5 * 3 * guessed.step_s(WORK).value)


def test_processes_share_the_flop_of_a_step_and_exchange_its_gradients():
    one, four = (
        usual_speed(SHAPE, is_gpu=True, num_cores=1, dtype="fp32", num_processes=n) for n in (1, 4)
    )
    large = replace(WORK, step_flop=1e15)
    assert 3 < one.step_s(large).value / four.step_s(large).value < 4
    assert four.step_s(large).high / four.step_s(large).value > 4


def test_a_trial_is_its_setup_its_steps_and_its_measurements():
    usual = usual_speed(SHAPE, is_gpu=False, num_cores=1, dtype="fp32")
    parts = trial_seconds(WORK, usual)
    assert parts.keys() == {"setup", "training", "measuring"}
    assert parts["training"].value == pytest.approx(50 * usual.step_s(WORK).value)
    of_each = [usual.evaluation_s(each, flop).value for each, flop in WORK.evaluations.items()]
    assert parts["measuring"].value == pytest.approx(sum(of_each))


def test_recorded_trials_scale_all_but_the_start_of_a_worker():
    usual = usual_speed(SHAPE, is_gpu=False, num_cores=1, dtype="fp32")
    scaled = ScaledSpeed(usual, Interval(1, 2, 3), "9 recorded trials")
    assert scaled.step_s(WORK) == Interval(1, 2, 3) * usual.step_s(WORK).value
    assert scaled.setup_s() == Interval(1, 2, 3) * usual.setup_s().value
    assert scaled.reading_s(1e12) == Interval(1, 2, 3) * usual.reading_s(1e12).value
    assert scaled.start_s() == usual.start_s()
