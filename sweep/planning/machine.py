"""The processors and accelerators of this machine, read without Ray and torch."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sweep.config.spec import Resources

UNKNOWN_CPU = "a processor of unknown name"


class Machine(NamedTuple):
    """A machine that trials may run on.

    Attributes:
        cpu: the name of the processor.
        num_cpus: cores that programs may use, as Ray counts them.
        gpus: the name of each accelerator.
        memory: bytes of main memory.
        gpu_memory: bytes of the smallest accelerator; 0 without one.
    """

    cpu: str
    num_cpus: int
    gpus: tuple[str, ...]
    memory: int
    gpu_memory: int = 0

    def room(self, resources: Resources) -> int:
        """Return how many trials fit on it at once; 0 if none does."""
        return resources.processes_on(self.num_cpus, len(self.gpus)) // resources.workers_per_trial

    def device(self, resources: Resources) -> str:
        """Return the name of what a trial computes on here: "" if that is a GPU and there is none."""
        if not resources.gpus_per_trial:
            return self.cpu
        return self.gpus[0] if self.gpus else ""


@cache
def this_machine() -> Machine:
    """Return the machine that this process runs on."""
    gpus, gpu_memory = _gpus()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(_cpu(), os.cpu_count() or 1, gpus, memory, gpu_memory)


def _cpu() -> str:
    """Return the name of the processor, as Linux has it, or that of its kind."""
    with suppress(OSError, UnicodeDecodeError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip() or UNKNOWN_CPU
    return platform.processor() or platform.machine() or UNKNOWN_CPU


def _gpus() -> tuple[tuple[str, ...], int]:
    """Return the name of each NVIDIA accelerator, and the bytes of the smallest; none without any."""
    with suppress(Exception):  # no library, no driver, or one that fails in a way of its own
        import pynvml

        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(n) for n in range(pynvml.nvmlDeviceGetCount())]
        names = tuple(str(pynvml.nvmlDeviceGetName(handle)) for handle in handles)
        sizes = [int(pynvml.nvmlDeviceGetMemoryInfo(handle).total) for handle in handles]
        return names, min(sizes, default=0)
    return (), 0
