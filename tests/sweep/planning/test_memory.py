"""The most memory that a process of a trial has at once."""

import pytest

from sweep.planning import memory
from sweep.planning.work.shapes import CATALOGUED
from sweep.planning.work.trial_work import work_of
from tests.sweep.planning.conftest import shipped

SMOL, LLAMA = CATALOGUED["smollm2-135m"], CATALOGUED["meta-llama/Llama-3.2-1B"]


def works(name, shape):
    """Return the trials of a shipped spec with their work."""
    return [(trial, work_of(trial, shape)) for trial in shipped(name).trials()]


def test_a_worker_holds_base_model_gradients_moments_and_a_batch():
    trial, work = works("smollm2", SMOL)[0]
    # Base, model and gradient of 4 bytes, moments of 8; the logits of 2048 tokens are the larger batch.
    batch = 2 * 2048 * 4 * SMOL.vocabulary
    expected = 20 * SMOL.num_weights + batch + memory.PROCESS.value
    peak = memory.peak_memory(trial, work, SMOL, is_gpu=False)
    assert peak.value == pytest.approx(expected)
    assert peak.low < peak.value < peak.high


def test_adapters_need_no_moments_of_the_model():
    peaks = {
        trial.parameters.name: memory.peak_memory(trial, work, LLAMA, is_gpu=True).value
        for trial, work in works("llama-3.2-1b", LLAMA)
    }
    assert peaks["lora"] < peaks["all"] - 10 * LLAMA.num_weights


def test_zero_cuts_moments_gradients_and_weights_into_shares():
    trial, work = next(
        each for each in works("llama-3.2-1b", LLAMA) if each[0].parameters.name == "all"
    )
    num = LLAMA.num_weights

    def peak(**settings):
        train = trial.train.model_copy(update=settings)
        changed = trial.model_copy(update={"train": train})
        return memory.peak_memory(changed, work, LLAMA, is_gpu=True, num_processes=4).value

    whole = peak()
    # Of 12 + 2 + 2 bytes a weight each stage leaves a quarter.
    assert whole - peak(zero_stage=1) == pytest.approx(9 * num)
    assert whole - peak(zero_stage=2) == pytest.approx(10.5 * num)
    assert whole - peak(zero_stage=3) == pytest.approx(12 * num)
    assert peak(zero_stage=1) - peak(zero_stage=1, offload="cpu") == pytest.approx(3 * num)
