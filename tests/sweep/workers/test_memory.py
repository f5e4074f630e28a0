"""What means a lack of memory, and how a trial needs less of it with the same steps."""

import pytest
import torch
from ruamel.yaml import YAML

from sweep.config.spec import SweepSpec
from sweep.trial_request import TrialRequest
from sweep.workers.assignment import Assignment
from sweep.workers.memory import (
    NotEnoughMemory,
    fraction_of_tensors,
    in_halves,
    memory_error_in,
    num_texts_at_once,
    what_would_fit,
)
from sweep.workers.result import TrialResult
from sweep.workers.worker import TrialFailed, Worker
from tests.sweep.conftest import TINY
from trainables.config import TrialConfig
from trainables.report import Report

CONFIG = SweepSpec.model_validate(YAML(typ="safe", pure=True).load(TINY)).trials()[0]


def trial(**train) -> TrialConfig:
    """Return the trial of TINY with other settings of `train`."""
    tree = CONFIG.tree()
    return TrialConfig.model_validate(tree | {"train": tree["train"] | train})


def test_what_pytorch_and_python_raise_means_a_lack_of_memory_whatever_it_caused():
    assert memory_error_in(torch.OutOfMemoryError("CUDA out of memory."))
    assert memory_error_in(MemoryError())
    with pytest.raises(RuntimeError) as raised:  # more than any machine has
        torch.empty(2**55, dtype=torch.uint8)
    assert memory_error_in(raised.value)
    wrapped = ValueError("the batch could not be read")
    wrapped.__cause__ = MemoryError()
    assert memory_error_in(wrapped) is wrapped.__cause__
    assert memory_error_in(RuntimeError("out of something")) is None
    assert memory_error_in(OSError(12, "Cannot allocate memory")) is None, "trouble of a place"


@pytest.mark.parametrize(
    ("num_processes", "accumulation", "texts"), [(1, 1, 8), (2, 1, 4), (2, 2, 2)]
)
def test_a_trial_in_halves_reads_half_the_texts_at_once_in_steps_of_as_many(
    num_processes, accumulation, texts
):
    config = trial(batch_size=8, accumulation=accumulation)
    assert num_texts_at_once(config.train, num_processes) == texts
    half = in_halves(config, num_processes)
    assert half is not None
    assert num_texts_at_once(half.train, num_processes) == texts // 2
    assert half.train.batch_size == 8
    assert half == TrialConfig.model_validate(half.tree()), "it is a valid trial"


@pytest.mark.parametrize(
    ("share", "total", "fraction"),
    [
        (0.25, 80_000_000_000, 0.24),  # 20 GB, of which CUDA and its libraries have 0.8
        (0.5, 16_000_000_000, 0.45),
        (0.1, 8_000_000_000, 0.05),  # they would need all of it
    ],
)
def test_a_share_of_a_gpu_has_room_for_what_pytorch_does_not_count(share, total, fraction):
    assert fraction_of_tensors(share, total) == pytest.approx(fraction)


@pytest.mark.parametrize("accumulation", [1, 3])
def test_a_micro_batch_of_an_odd_number_cannot_be_halved(accumulation):
    assert in_halves(trial(batch_size=3, accumulation=accumulation), 1) is None


def out_of_memory(limit):
    """A run_trial whose first step needs more memory than there is for more than `limit` texts."""

    def run_trial(config, *, resume_from=None):
        metrics = dict.fromkeys([metric.name for metric in config.metrics()], 1.0)
        yield Report(0, 0.0, metrics, print, print)
        if num_texts_at_once(config.train, 1) > limit:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        yield Report(2, 1.0, metrics, print, print)

    return run_trial


def begin(limit, *, in_halves=False) -> Worker:
    worker = Worker.__new__(Worker)
    request = TrialRequest(0, trial(batch_size=4).tree(), in_halves=in_halves)
    worker.setup(request.to_config(), Assignment(out_of_memory(limit)))
    assert TrialResult.of(worker.step()).step == 0
    return worker


def test_a_trial_without_enough_memory_is_tried_again_and_gets_by_with_half_the_texts():
    worker = begin(limit=2)
    with pytest.raises(NotEnoughMemory, match="Tried to allocate"):
        worker.step()
    result = TrialResult.of(begin(limit=2, in_halves=True).step())
    assert (result.step, result.failure, result.done) == (2, "", True)


def test_a_second_lack_of_memory_fails_the_trial_with_what_would_fit():
    worker = begin(limit=1, in_halves=True)
    result = TrialResult.of(worker.step())
    assert result.failure.startswith(
        "the memory must hold the model with its moments and 2 texts at"
    )
    assert "at once, but did not twice, " in result.failure, "the memory of its device follows"
    assert "train.accumulation up to 4 (now 2)" in result.failure
    assert "Tried to allocate" in result.failure
    with pytest.raises(TrialFailed):
        worker.step()


def test_what_a_trial_does_already_is_not_advised():
    tree = trial(batch_size=1, dtype="bf16", zero_stage=2).tree()
    config = TrialConfig.model_validate(tree | {"parameters": "lora"})
    sentence = what_would_fit(config, 1, is_second=False)
    assert "at once, but did not: less" in sentence
    assert "1 text at once" in sentence
    for word in ("accumulation", "lora", "bf16"):
        assert word not in sentence
    assert "train.max_tokens (now 128)" in sentence
