"""How much the driver of a sweep grows with the number of its trials, and what is left on the disk.

    make bench            (python -m tests.benchmarks.driver_memory --trials 1000)

Trials that do nothing, two at once, in a process of its own. Growth is counted from the end of trial
100, when all that is loaded once is loaded.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import ray
from ray import tune
from rich.console import Console
from rich.table import Table

from sweep.config.check import load
from sweep.driver import run_sweep
from tests.benchmarks.orchestration import AT_ONCE, SPEC, resting_trial

FIRST = 100  # trials after which growth is counted


class Gauge(tune.Callback):
    """A ray.tune Callback that notes the memory of this process, in MB, as each trial ends."""

    def __init__(self) -> None:
        self.sizes: list[float] = []
        self._process = psutil.Process()

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def on_trial_complete(self, *_: Any, **__: Any) -> None:
        self.sizes.append(self._process.memory_info().rss / 1e6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trials", type=int, default=1000)
    options = parser.parse_args()
    os.environ |= {"TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1", "RAY_AIR_NEW_OUTPUT": "0"}
    ray.init(
        address="local",
        num_cpus=AT_ONCE,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
    )
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SWEEP_HOME"] = folder
        path = Path(folder, "spec.yaml")
        text = SPEC.replace("NAME", "bench").replace("TRIALS", str(options.trials))
        path.write_text(text + "search: {sampler: random}\n")
        spec, document = load(path)
        gauge, began = Gauge(), time.perf_counter()
        run_sweep.run(spec, document, on_start=lambda _: [gauge], run_trial=resting_trial)
        took = time.perf_counter() - began
        states = sum(file.stat().st_size for file in Path(folder).rglob("experiment_state*")) / 1e6
    ray.shutdown()
    counted = options.trials - FIRST
    growth = 1000 * (gauge.sizes[-1] - gauge.sizes[FIRST - 1]) / counted
    table = Table(title=f"the driver over {options.trials:,} trials that do nothing")
    for heading in ("MB at first", "MB at last", "MB a thousand", "Tune's state, MB", "s", "load"):
        table.add_column(heading, justify="right")
    sizes = f"{gauge.sizes[FIRST - 1]:.0f}", f"{gauge.sizes[-1]:.0f}"
    load_ = f"{os.getloadavg()[0]:.1f}"
    table.add_row(*sizes, f"{growth:.1f}", f"{states:.1f}", f"{took:.0f}", load_)
    Console(width=90).print(table)


if __name__ == "__main__":
    main()
