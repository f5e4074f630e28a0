"""A trial that needs more memory than there is: recognise it, and say what would fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainables.schema.causes import causes
from trainables.schema.counted import counted

if TYPE_CHECKING:
    from trainables.config import TrainConfig, TrialConfig

# By which PyTorch tells it, of a GPU and of the machine; the first is the name of a class.
OF_DEVICE, OF_MACHINE = "OutOfMemoryError", "DefaultCPUAllocator: can't allocate memory"
GIB = 2**30
CONTEXT = 800_000_000  # bytes of CUDA and its libraries in a process, as usual


class NotEnoughMemory(RuntimeError):
    """A trial needs more memory than there is. It is tried again with half as much at a time."""


def limit_memory(num_gpus: float) -> None:
    """Keep this process to its share of a GPU's memory, if it has a fraction of one.

    Ray counts the shares of a GPU and limits nothing: one trial could take the memory of the others.
    """
    if not 0 < num_gpus < 1:
        return
    import torch

    if torch.cuda.is_available():
        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(fraction_of_tensors(num_gpus, total))


def fraction_of_tensors(num_gpus: float, total: int) -> float:
    """Return the fraction of a GPU's memory that PyTorch may give to tensors of a process.

    It is the share without CONTEXT, which PyTorch does not count, and at least half of the share.

    Args:
        num_gpus: the share, from 0 to 1.
        total: of the GPU, in bytes.
    """
    return max(num_gpus - CONTEXT / total, num_gpus / 2)


def memory_error_in(error: BaseException) -> BaseException | None:
    """Return what in the cause chain of an exception means a lack of memory, or None."""
    for link in causes(error):
        if isinstance(link, MemoryError) or type(link).__name__ == OF_DEVICE:
            return link
        if isinstance(link, RuntimeError) and OF_MACHINE in str(link):
            return link
    return None


def num_texts_at_once(train: TrainConfig, num_processes: int) -> int:
    """Return how many texts of a step a process reads at once: its micro-batch."""
    return train.batch_size // (train.accumulation * num_processes)


def in_halves(config: TrialConfig, num_processes: int) -> TrialConfig | None:
    """Return a trial whose micro-batches are half as large; its steps are the same.

    num_processes: that train it together.

    Return None if a micro-batch cannot be halved.
    """
    if num_texts_at_once(config.train, num_processes) % 2:
        return None
    train = config.train.model_copy(update={"accumulation": 2 * config.train.accumulation})
    return config.model_copy(update={"train": train})


def what_would_fit(
    config: TrialConfig, num_processes: int, *, is_second: bool, device: str = ""
) -> str:
    """Return a sentence on a trial for which there was too little memory, and what needs less.

    Args:
        config: as it was tried last.
        is_second: whether there was too little before, too, with twice the texts if they can be halved.
        device: its memory in words, as of `device_words`; left out if empty.
    """
    num_texts = num_texts_at_once(config.train, num_processes)
    ways = []
    if num_texts > 1:
        most = config.train.batch_size // num_processes
        ways.append(f"train.accumulation up to {most} (now {config.train.accumulation})")
    ways.append(f"a smaller train.max_tokens (now {config.train.max_tokens})")
    if not config.parameters.adapts:
        ways.append("parameters: lora")
    if config.train.dtype == "fp32":
        ways.append("train.dtype: bf16")
    if config.train.zero_stage < 3:
        ways.append("train.zero_stage: 3 with more resources.workers_per_trial")
    return (
        f"the memory must hold the model with its moments and {counted(num_texts, 'text')} at once, "
        f"but did not{' twice' if is_second else ''}{f', {device}' if device else ''}: less is needed "
        f"with "
        f"{', '.join(ways[:-1])}"
        f"{' or ' if len(ways) > 1 else ''}{ways[-1]}"
    )


def device_words() -> str:
    """Return the memory of this process's device, and the most of it that was used, in words."""
    import torch

    if torch.cuda.is_available():
        total = torch.cuda.get_device_properties(0).total_memory / GIB
        peak = torch.cuda.max_memory_allocated() / GIB
        return f"with {peak:.1f} GiB in use of a GPU's {total:.1f}"
    import psutil

    return f"on a machine of {psutil.virtual_memory().total / GIB:.1f} GiB"
