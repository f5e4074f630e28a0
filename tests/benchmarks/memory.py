"""Time that keeping freed memory saves in a training step and in scoring, on a CPU with glibc.

    python -m tests.benchmarks.memory

The same steps run in processes that keep it and in processes that do not, in turns.
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

# Any setting of the allocator turns ours off; this one is the C library's own default.
OFF = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=7"}
OBJECTIVES = {"cda": {"name": "cda"}, "likelihood_gap": {"name": "likelihood_gap", "weight": 30.0}}


def seconds(model_name: str, steps: int) -> dict[str, float]:
    """Return the seconds of a step with each objective and of scoring 100 pairs, and the peak in GB."""
    from trainables.config import TrialConfig
    from trainables.evaluators import CrowsPairs
    from trainables.models.loading import load
    from trainables.training.engine import Engine
    from trainables.training.loss import loss
    from trainables.training.stream import Stream

    results: dict[str, float] = {}
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
                for batch in stream.micro_batches(step):
                    engine.backward(loss(config, model, batch).total)
                times.append(time.perf_counter() - began)
        results[f"a step of {name}"] = median(times)
    times = []
    for _ in range(3):
        began = time.perf_counter()
        CrowsPairs(limit=100).measure(model, {})
        times.append(time.perf_counter() - began)
    results["scoring 100 pairs"] = median(times)
    results["peak of memory, GB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        print(json.dumps(seconds(options.model, options.steps)))
        return
    command = [sys.executable, "-m", "tests.benchmarks.memory", "--here"]
    command += ["--model", options.model, "--steps", str(options.steps)]
    runs: dict[str, list[dict[str, float]]] = {"kept": [], "given back": []}
    for _ in range(options.rounds):
        for how, environment in (("kept", {}), ("given back", OFF)):
            process = subprocess.run(
                command, env=os.environ | environment, capture_output=True, text=True, check=True
            )
            runs[how].append(json.loads(process.stdout.splitlines()[-1]))
    table = Table(title=f"freed memory, {options.model}, fp32, seconds")
    for heading in ("", *runs, "ratio"):
        table.add_column(heading, justify="right" if heading else "left")
    for name in runs["kept"][0]:
        kept, given_back = (median(run[name] for run in side) for side in runs.values())
        table.add_row(name, f"{kept:.2f}", f"{given_back:.2f}", f"{given_back / kept:.2f}")
    Console(width=80).print(table)


if __name__ == "__main__":
    main()
