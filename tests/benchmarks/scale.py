"""What a sweep of many slots asks of its driver: CPU, memory, and how late the record and next trials are.

    python -m tests.benchmarks.scale --slots 64 --trials 384
    python -m tests.benchmarks.scale --slots 256 --trials 1280

Each slot is a worker process of its own on one Ray node that says it has so many CPUs. A trial rests,
and reports at the rate of a real one: five times, 12 s apart on average. Only what happens while all
slots are taken counts, from half a minute on. The record is MLflow's SQLite, read by a process beside it as it grows
(tests/benchmarks/scale_observer.py), as the pages of the sweep would.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from contextlib import redirect_stdout
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import ray
from rich.console import Console
from rich.table import Table

from sweep import workspace
from sweep.cli import live_display
from sweep.config.check import load
from sweep.driver import run_sweep
from tests.benchmarks.orchestration import GOALS, METRICS, SPEC
from tests.benchmarks.resting import resting_trial
from tests.benchmarks.scale_observer import Observation, read_observation
from tests.local_ray import start_ray

LIGHT = Path(__file__).parent / "light"  # how the workers start
# Metrics that hold when a report was made, when its trial began, and the process of the trial.
TIMES = REPORTED_AT, BEGAN_AT, PROCESS = tuple(name for name in METRICS if name not in GOALS)[:3]


def observed(slots: int, trials: int, pause_s: float, folder: Path) -> Observation:
    """Run a sweep of resting trials, and return what was seen of it meanwhile.

    folder: for its files, an empty one.
    """
    os.environ["SWEEP_HOME"] = str(folder)
    spec = folder / "bench.yaml"
    text = SPEC.replace("NAME", "bench").replace("TRIALS", str(trials))
    spec.write_text(f"{text}search: {{sampler: random}}\nresources: {{at_once: {slots}}}\n")
    python_path = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = f"{LIGHT}{os.pathsep}{python_path}"  # of the workers
    # Workers start as the sweep asks for them, and on few cores that takes minutes.
    start_ray(
        slots,
        prestart_worker_first_driver=False,
        worker_register_timeout_seconds=1200,
        memory_monitor_refresh_ms=0,
    )
    os.environ["PYTHONPATH"] = python_path
    (present := folder / "present").mkdir()
    trial = partial(
        resting_trial, metrics=METRICS, times=TIMES, pause_s=pause_s, present=present, slots=slots
    )
    results = folder / "observation.json"
    words = ["-m", "tests.benchmarks.scale_observer", str(os.getpid()), str(folder), str(results)]
    with subprocess.Popen([sys.executable, *words, REPORTED_AT], stdin=subprocess.PIPE) as observer:
        with open(os.devnull, "w") as nothing, redirect_stdout(nothing):
            run_sweep.run(*load(spec), on_start=live_display.callbacks, run_trial=trial)
        observer.communicate()
    ray.shutdown()
    return read_observation(results, workspace.local_tracking_uri(), BEGAN_AT, PROCESS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--trials", type=int, default=384)
    parser.add_argument("--pause", type=float, default=12.0, help="seconds between two reports")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seen = observed(options.slots, options.trials, options.pause, Path(folder))
    table = Table(
        title=f"{options.slots} slots, {options.trials:,} trials, {seen.reports_per_s:.1f} reports a"
        f" second, load {os.getloadavg()[0]:.1f}"
    )
    for heading in ("seconds", "median", "95 %", "most"):
        table.add_column(heading, justify="left" if heading == "seconds" else "right")
    for name, lags in seen.lags.items():
        median, late, most = np.quantile(lags, [0.5, 0.95, 1])
        table.add_row(name, f"{median:.2f}", f"{late:.2f}", f"{most:.2f}")
    Console(width=90).print(table)
    for name, share in seen.cpu_share.items():
        print(f"{name}: {100 * share:.0f} % of a core")
    print(
        f"driver: {seen.megabytes:.0f} MB, {seen.megabytes_per_thousand:+.1f} MB a thousand trials"
    )
    print(
        f"a worker: {seen.worker_megabytes:.0f} MB of its own; all began within {seen.start_s:.0f} s"
    )
    if options.json:
        options.json.write_text(json.dumps(asdict(seen), indent=1))


if __name__ == "__main__":
    main()
