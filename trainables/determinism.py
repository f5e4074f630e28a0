"""Make a GPU give the same numbers each time, as a CPU does.

By default sums that several threads add to, such as the gradients of an embedding that a text uses
twice, are added in whatever order the threads come on a GPU. A trial would then depend on more than its
configuration, and one that was resumed would differ from one that did not stop.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

NO_KERNEL = "does not have a deterministic implementation"  # in the words of torch


def make_deterministic() -> None:
    """Choose kernels that repeat wherever there are such, for this process; without a GPU do nothing.

    Call it before the first product of matrices: cuBLAS reads its workspace from the environment then.
    """
    if not torch.cuda.is_available():
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    # To fill new memory first would cost time, and nothing here reads what was not written.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False


@contextmanager
def only_repeatable_kernels(on: bool) -> Iterator[None]:
    """Within the block attention repeats, too, and an operation without a kernel that does fails.

    Attention has kernels that repeat, but torch takes them only where it may fail (warn_only=False).
    Forwards without gradients repeat with every kernel, and need no block.

    Args:
        on: whether the block does anything.
    """
    if not on:
        yield
        return
    was_on = torch.are_deterministic_algorithms_enabled()
    was_warning = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(was_on, warn_only=was_warning)


def has_repeatable_kernels(step: Callable[[], None]) -> bool:
    """Return whether all operations of a step have kernels that repeat; the step is run.

    step: runs a forward and a backward of a model.
    """
    try:
        with only_repeatable_kernels(True):
            step()
    except RuntimeError as error:
        if NO_KERNEL not in str(error):
            raise
        return False
    return True
