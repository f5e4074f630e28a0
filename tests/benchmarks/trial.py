"""How much of a trial is measuring: its evaluators against its training, for every objective.

    python -m tests.benchmarks.trial            (sweep/specs/smollm2.yaml)

Of each objective of the spec one trial without regulariser, which is the cheapest training. The
steps are timed over a few and multiplied; the evaluators are timed once, after the data are ready.
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
    seen = set()
    for trial in trials:
        kind = trial.objective.model_copy(update={"weight": 1.0}).model_dump_json()
        if trial.regulariser.name == "none" and kind not in seen:
            seen.add(kind)
            yield trial


def seconds_of(config: TrialConfig, steps: int) -> tuple[float, float]:
    """(a step, all evaluators)"""
    model = load(config.model.path, config.model.family)
    base = base_values(config, model)
    model.reset(config.train.dtype)
    stream, each = Stream(config, model), []
    with Engine(model, config.train) as engine:
        for step in range(steps):
            began = time.perf_counter()
            model.module.train()
            for part in stream.micro_batches(step):
                engine.backward(loss(config, model, part))
            each.append(time.perf_counter() - began)
        began = time.perf_counter()
        measure(config, model, base)
        return median(each), time.perf_counter() - began


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    asked.add_argument("spec", nargs="?", type=Path, default="sweep/specs/smollm2.yaml")
    asked.add_argument("--steps", type=int, default=8, help="how many are timed")
    options = asked.parse_args()
    spec, _ = load_spec(options.spec)
    table = Table(title=f"seconds of a trial of {spec.name}, {torch.get_num_threads()} threads")
    for heading in ("objective", "a step", "steps", "training", "evaluators", "share"):
        table.add_column(heading, justify="left" if heading == "objective" else "right")
    for config in one_of_each_objective(spec.trials()):
        step, measuring = seconds_of(config, options.steps)
        training = step * config.train.steps
        fields = (v for k, v in config.objective if isinstance(v, str))
        table.add_row(
            *(" ".join(fields), f"{step:.2f}", str(config.train.steps)),
            *(f"{training:.0f}", f"{measuring:.1f}", f"{measuring / training:.0%}"),
        )
    Console(width=80).print(table)


if __name__ == "__main__":
    main()
