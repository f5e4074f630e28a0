"""How much the driver of a sweep grows with the number of its trials, and what is left on the disk.

    make bench            (python -m tests.benchmarks.driver_memory --trials 4000)
    python -m tests.benchmarks.driver_memory --trials 1800 --train

Trials that do nothing, or train for one step (half a second each), two at once, in a process of its own, with the progress and the page in MLflow
that `sweep run` shows. Growth is counted from the end of a third of them, when all that is loaded once is
loaded. What the allocator keeps of freed memory is given back before each look, but said beside it.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import os
import tempfile
import time
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import psutil
import ray
from ray import tune
from rich.console import Console
from rich.table import Table

from sweep import workspace
from sweep.cli import live_display
from sweep.config.check import load
from sweep.driver import run_sweep
from tests.benchmarks.orchestration import AT_ONCE, SPEC, resting_trial
from tests.local_ray import start_ray

EVERY = 100  # trials between two looks at the memory
LIBC = ctypes.CDLL("libc.so.6")


class Gauge(tune.Callback):
    """A ray.tune Callback that notes the memory of this process, in MB, as every hundredth trial ends.

    sizes: each as (with what the allocator keeps, without it).
    """

    def __init__(self) -> None:
        self.sizes: list[tuple[float, float]] = []
        self._num_ended = 0
        self._process = psutil.Process()

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def on_trial_complete(self, *_: Any, **__: Any) -> None:
        self._num_ended += 1
        if self._num_ended % EVERY == 0:
            gc.collect()
            whole = self._megabytes()
            LIBC.malloc_trim(0)
            self.sizes.append((whole, self._megabytes()))

    def _megabytes(self) -> float:
        return float(self._process.memory_info().rss / 1e6)


def run(name: str, trials: int, seeds: int, *callbacks: tune.Callback, train: bool = False) -> None:
    """Run a sweep of trials, with the callbacks of `sweep run` and these.

    train: whether a trial trains for one step; if not, it does nothing.
    """
    path = workspace.home() / f"{name}.yaml"
    text = SPEC.replace("NAME", name).replace("TRIALS", str(trials))
    text = text.replace("steps: 2", "steps: 1").replace(
        "data: miniature}", "data: miniature, limit: 10}"
    )
    path.write_text(f"{text}search: {{sampler: random}}\nreplicates: {{seeds: {seeds}}}\n")
    run_sweep.run(
        *load(path),
        on_start=lambda running: [*live_display.callbacks(running), *callbacks],
        run_trial=None if train else resting_trial,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trials", type=int, default=4000, help="at least 600")
    parser.add_argument("--seeds", type=int, default=1, help="trials of each recipe")
    parser.add_argument("--train", action="store_true", help="trials train for one step")
    options = parser.parse_args()
    if options.trials < 6 * EVERY:
        parser.error(f"--trials must be at least {6 * EVERY}, but got {options.trials}")
    os.environ |= {"TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1", "RAY_AIR_NEW_OUTPUT": "0"}
    start_ray(AT_ONCE)
    gauge = Gauge()
    with (
        tempfile.TemporaryDirectory() as folder,
        open(os.devnull, "w") as nothing,
        redirect_stdout(nothing),
    ):
        os.environ["SWEEP_HOME"] = folder
        run(
            "warm", 4, options.seeds, train=options.train
        )  # so that what drawing loads is there before
        began = time.perf_counter()
        run("bench", options.trials, options.seeds, gauge, train=options.train)
        took = time.perf_counter() - began
        states = sum(file.stat().st_size for file in Path(folder).rglob("experiment_state*")) / 1e6
    ray.shutdown()
    first = len(gauge.sizes) // 3
    thousands = EVERY * (len(gauge.sizes) - 1 - first) / 1000
    (whole, used), (last_whole, last_used) = gauge.sizes[first], gauge.sizes[-1]
    what = "train for one step" if options.train else "do nothing"
    table = Table(
        title=f"the driver over {options.trials:,} trials that {what}, {options.seeds} a recipe"
    )
    for heading in (
        "MB at first",
        "MB at last",
        "MB a thousand",
        "with freed",
        "Tune's, MB",
        "s",
        "load",
    ):
        table.add_column(heading, justify="right")
    table.add_row(
        f"{used:.0f}",
        f"{last_used:.0f}",
        f"{(last_used - used) / thousands:.1f}",
        f"{(last_whole - whole) / thousands:.1f}",
        f"{states:.1f}",
        f"{took:.0f}",
        f"{os.getloadavg()[0]:.1f}",
    )
    Console(width=90).print(table)


if __name__ == "__main__":
    main()
