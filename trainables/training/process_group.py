"""The group of processes that train one model together through DeepSpeed.

A process joins the group that RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT describe, as
torchrun and Ray Train set them. Without them, or if WORLD_SIZE is 1, it is a group of one, which needs
no port. Nothing is compiled at run time.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import Any

import torch

from trainables.chatter import tell_deepspeed_of_no_gpu

# How long a process waits for another one: the first alone measures, for hours if there is much.
# That one has died is seen by whoever has started them (sweep/workers/ranks.py, torchrun).
PATIENCE = timedelta(days=7)
LAST_TENSORS_S = 0.2


def start_deepspeed() -> Any:
    """Join or make the process group, once a process; return the imported module `deepspeed`.

    DeepSpeed is imported here because that takes seconds.

    Raises:
        ValueError: the environment describes a group of several processes by halves.
    """
    deepspeed = _joined()
    os.environ.setdefault("LOCAL_RANK", "0")  # every engine of DeepSpeed asks for it
    return deepspeed


@cache
def _joined() -> Any:
    """Do what start_deepspeed does, the first time in this process."""
    tell_deepspeed_of_no_gpu()
    with _without_mlflow():
        import deepspeed

    # It still calls what torch 2.13 has renamed, with a warning at each call.
    warnings.filterwarnings("ignore", "`torch.distributed.", FutureWarning)
    logging.getLogger("DeepSpeed").setLevel(logging.WARNING)
    # This op would be compiled by g++ at first use; gloo does the same without a compiler.
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    if not is_in_group() and not torch.distributed.is_initialized():
        # A group of one needs neither a port nor an environment that its children would inherit.
        store = torch.distributed.HashStore()  # type: ignore[attr-defined]
        interface = os.environ.pop("GLOO_SOCKET_IFNAME", None)  # it may name one of another machine
        torch.distributed.init_process_group(backend, store=store, rank=0, world_size=1)
        if interface is not None:
            os.environ["GLOO_SOCKET_IFNAME"] = interface
        os.environ.setdefault("LOCAL_RANK", "0")  # all that init_distributed reads then
    deepspeed.init_distributed(
        dist_backend=backend, verbose=False, auto_mpi_discovery=False, timeout=PATIENCE
    )
    if backend == "gloo":
        atexit.register(_leave)
    return deepspeed


def _leave() -> None:
    """Leave the group while Python still runs.

    A thread of gloo that lets go of a tensor later asks an interpreter that has ended for its lock, and
    aborts the process (https://github.com/pytorch/pytorch/pull/179291). The threads themselves run on
    where DeepSpeed still holds the group, so they get a moment to let go of their last tensors.
    """
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
        time.sleep(LAST_TENSORS_S)


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


def is_in_group() -> bool:
    """Return whether the environment describes a group of several processes.

    Raises:
        ValueError: it does so by halves.
    """
    size = os.environ.get("WORLD_SIZE", "1")
    if not size.isdecimal() or int(size) < 2:
        return False
    if missing := [
        name for name in ("RANK", "MASTER_ADDR", "MASTER_PORT") if name not in os.environ
    ]:
        raise ValueError(
            f"a process of a group of WORLD_SIZE {size} must have {' and '.join(missing)}, too: start "
            f"it with torchrun, or unset WORLD_SIZE."
        )
    return True
