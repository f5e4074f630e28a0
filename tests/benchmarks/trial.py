"""The share of a trial that is measuring: seconds of its evaluators and of its training.

    python -m tests.benchmarks.trial            (sweep/specs/smollm2.yaml)

One trial of each objective of the spec runs, without a regulariser, which is the cheapest training. A
few steps are timed and multiplied; the evaluators are timed once, after the data are ready.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import torch
from rich.console import Console
from rich.table import Table

from sweep.config.check import load as load_spec
from trainables.config import TrialConfig
from trainables.measure import base_values, measure
from trainables.models.loading import load
from trainables.training.engine import Engine
from trainables.training.loss import loss
from trainables.training.stream import Stream


def one_of_each_objective(trials: list[TrialConfig]) -> Iterator[TrialConfig]:
    """Yield the first trial without regulariser of each objective; weights do not count."""
    seen = set()
    for trial in trials:
        kind = trial.objective.model_copy(update={"weight": 1.0}).model_dump_json()
        if trial.regulariser.name == "none" and kind not in seen:
            seen.add(kind)
            yield trial


def seconds_of(config: TrialConfig, steps: int) -> tuple[float, float]:
    """Return the median seconds of a training step, and the seconds of all evaluators."""
    model = load(config.model.path, config.model.family)
    base = base_values(config, model)
    model.reset(config.train.dtype)
    stream, times = Stream(config, model), []
    with Engine(model, config.train) as engine:
        for step in range(steps):
            began = time.perf_counter()
            model.module.train()
            for batch in stream.micro_batches(step):
                engine.backward(loss(config, model, batch).total)
            times.append(time.perf_counter() - began)
        began = time.perf_counter()
        measure(config, model, base)
        return median(times), time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("spec", nargs="?", type=Path, default="sweep/specs/smollm2.yaml")
    parser.add_argument("--steps", type=int, default=8, help="how many are timed")
    options = parser.parse_args()
    spec, _ = load_spec(options.spec)
    table = Table(title=f"seconds of a trial of {spec.name}, {torch.get_num_threads()} threads")
    for heading in ("objective", "a step", "steps", "training", "evaluators", "share"):
        table.add_column(heading, justify="left" if heading == "objective" else "right")
    for config in one_of_each_objective(spec.trials()):
        step, measuring = seconds_of(config, options.steps)
        training = step * config.train.steps
        words = (value for _, value in config.objective if isinstance(value, str))
        table.add_row(
            *(" ".join(words), f"{step:.2f}", str(config.train.steps)),
            *(f"{training:.0f}", f"{measuring:.1f}", f"{measuring / training:.0%}"),
        )
    Console(width=80).print(table)


if __name__ == "__main__":
    main()
