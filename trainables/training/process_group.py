"""The group of processes that train one model together through DeepSpeed.

A process joins the group that RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT describe, as
torchrun and Ray Train set them. Without them it is a group of one. Nothing is compiled at run time.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch


@cache
def start_deepspeed() -> Any:
    """Join or make the process group, once a process; return the imported module `deepspeed`.

    DeepSpeed is imported here because that takes seconds.
    """
    if not torch.cuda.is_available():
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
    with _without_mlflow():
        import deepspeed

    logging.getLogger("DeepSpeed").setLevel(logging.WARNING)
    # This op would be compiled by g++ at first use; gloo does the same without a compiler.
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    if "RANK" not in os.environ and not torch.distributed.is_initialized():
        # A group of one needs neither a port nor an environment that its children would inherit.
        store = torch.distributed.HashStore()  # type: ignore[attr-defined]
        torch.distributed.init_process_group(backend, store=store, rank=0, world_size=1)
        os.environ.setdefault("LOCAL_RANK", "0")  # the only variable that DeepSpeed reads then
    deepspeed.init_distributed(dist_backend=backend, verbose=False, auto_mpi_discovery=False)
    return deepspeed


@contextmanager
def _without_mlflow() -> Iterator[None]:
    """Within the block, there is no MLflow to import, unless it has been imported.

    DeepSpeed imports it, if it is installed, for a tuner of its own that nothing here uses: 110 MB and
    most of DeepSpeed's time to be imported, for each worker.
    """
    if "mlflow" in sys.modules:
        yield
        return
    sys.modules["mlflow"] = None  # type: ignore[assignment]  # Python's mark of a module that is not there
    try:
        yield
    finally:
        del sys.modules["mlflow"]
