"""Sample how busy the machine of a trial is between two reports, by MLflow's own collectors."""

from __future__ import annotations

import threading
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from analysis.record.names import Group

INTERVAL_S = 10.0  # between samples, as MLflow has it


class SystemMetrics:
    """A context manager that samples how busy this machine is, every INTERVAL_S seconds in a thread.

    `take` returns the means of the samples: of CPU and memory, disk, network (received and sent since
    it was opened) and, where there are any and nvidia-ml-py (or pyrsmi) is installed, all GPUs of the
    node.
    """

    def __enter__(self) -> Self:
        """Take the first sample and start the thread."""
        # MLflow takes seconds to import, which DeepSpeed does in any case.
        from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
        from mlflow.system_metrics.metrics.disk_monitor import DiskMonitor
        from mlflow.system_metrics.metrics.gpu_monitor import GPUMonitor
        from mlflow.system_metrics.metrics.network_monitor import NetworkMonitor
        from mlflow.system_metrics.metrics.rocm_monitor import ROCMMonitor

        self._collectors: list[Any] = [CPUMonitor(), DiskMonitor(), NetworkMonitor()]
        for gpu_monitor in (GPUMonitor, ROCMMonitor):
            with suppress(Exception):  # a missing driver may raise anything
                self._collectors.append(gpu_monitor())
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._sample()
        self._collectors[0].clear_metrics()  # the first share of the CPU is over no time at all
        self._thread = threading.Thread(
            target=self._sample_until_closed, name="system metrics", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the thread."""
        self._closed.set()
        self._thread.join()

    def take(self) -> dict[str, float]:
        """Take a last sample, and return name, `system/…` -> mean since the last call."""
        with self._lock:
            self._sample()
            means: dict[str, float] = {}
            for collector in self._collectors:
                means |= collector.aggregate_metrics()
                collector.clear_metrics()
        return {f"{Group.SYSTEM}{name}": float(value) for name, value in means.items()}

    def _sample_until_closed(self) -> None:
        """Take a sample every INTERVAL_S; runs in the thread."""
        while not self._closed.wait(INTERVAL_S):
            with self._lock:
                self._sample()

    def _sample(self) -> None:
        """Take a sample of every collector; the caller holds the lock, or no thread runs yet."""
        for collector in self._collectors:
            collector.collect_metrics()
