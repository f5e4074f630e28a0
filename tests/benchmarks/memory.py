"""What keeping freed memory saves of a training step and of scoring, on a CPU with glibc.

    python -m tests.benchmarks.memory

The same steps in processes that keep it and processes that do not, in turns.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from statistics import median

from rich.console import Console
from rich.table import Table

# Anything said of the allocator turns ours off; this is the C library's own default.
OFF = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=7"}
OBJECTIVES = {"cda": {"name": "cda"}, "likelihood_gap": {"name": "likelihood_gap", "weight": 30.0}}


def seconds(model_name: str, steps: int) -> dict[str, float]:
    """Of a step with each objective, and of scoring 100 pairs; and the peak of memory in GB."""
    from trainables.config import TrialConfig
    from trainables.evaluators import CrowsPairs
    from trainables.models.loading import load
    from trainables.training.engine import Engine
    from trainables.training.loss import loss
    from trainables.training.stream import Stream

    found: dict[str, float] = {}
    for name, objective in OBJECTIVES.items():
        config = TrialConfig.model_validate(
            {
                "model": {"path": model_name},
                "alignment": {"data": "bug", "size": 500},
                "objective": objective,
                "train": {"lr": 1e-5, "steps": steps, "batch_size": 8, "max_tokens": 48},
                "evaluators": ["weights"],
            }
        )
        model = load(config.model.path, config.model.family)
        model.reset("fp32")
        stream, times = Stream(config, model), []
        with Engine(model, config.train) as engine:
            for step in range(steps):
                began = time.perf_counter()
                for part in stream.micro_batches(step):
                    engine.backward(loss(config, model, part))
                times.append(time.perf_counter() - began)
        found[f"a step of {name}"] = median(times)
    times = []
    for _ in range(3):
        began = time.perf_counter()
        CrowsPairs(limit=100).measure(model, {})
        times.append(time.perf_counter() - began)
    found["scoring 100 pairs"] = median(times)
    found["peak of memory, GB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return found


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    asked.add_argument("--model", default="smollm2-135m")
    asked.add_argument("--rounds", type=int, default=2)
    asked.add_argument("--steps", type=int, default=6)
    asked.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = asked.parse_args()
    if options.here:
        print(json.dumps(seconds(options.model, options.steps)))
        return
    command = [sys.executable, "-m", "tests.benchmarks.memory", "--here"]
    command += ["--model", options.model, "--steps", str(options.steps)]
    runs: dict[str, list[dict[str, float]]] = {"kept": [], "given back": []}
    for _ in range(options.rounds):
        for how, environment in (("kept", {}), ("given back", OFF)):
            done = subprocess.run(
                command, env=os.environ | environment, capture_output=True, text=True, check=True
            )
            runs[how].append(json.loads(done.stdout.splitlines()[-1]))
    table = Table(title=f"freed memory, {options.model}, fp32, seconds")
    for heading in ("", *runs, "ratio"):
        table.add_column(heading, justify="right" if heading else "left")
    for what in runs["kept"][0]:
        kept, given = (median(run[what] for run in each) for each in runs.values())
        table.add_row(what, f"{kept:.2f}", f"{given:.2f}", f"{given / kept:.2f}")
    Console(width=80).print(table)


if __name__ == "__main__":
    main()
