"""Make a GPU give the same numbers each time, as a CPU does.

By default sums that several threads add to, such as the gradients of an embedding that a text uses
twice, are added in whatever order the threads come on a GPU. A trial would then depend on more than its
configuration, and one that was resumed would differ from one that did not stop.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel


def make_deterministic() -> None:
    """Choose kernels that repeat, for this process; without a GPU nothing is changed.

    An operation that has no such kernel warns. Call it before the first product of matrices: cuBLAS
    reads its workspace from the environment then.
    """
    if not torch.cuda.is_available():
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    # To fill new memory first would cost time, and nothing here reads what was not written.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False


def repeatable_attention(device: torch.device) -> AbstractContextManager[None]:
    """Return a context in which attention has only kernels whose gradients repeat.

    The others (memory-efficient attention, cuDNN's) add gradients in any order. Forwards without
    gradients repeat with every kernel, and need no context.
    """
    if device.type != "cuda":
        return nullcontext()
    return sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.MATH])
