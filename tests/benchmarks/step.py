"""Seconds of a training step: one forward or many, with the base model's states cached or not.

    python -m tests.benchmarks.step             (SmolLM2-135M on BUG, texts of up to 48 tokens)

apart:    the texts, each side of the pairs and the regulariser's texts in forwards of their own; the
          base model runs in each step (the plain way).
together: one forward for all; the base model runs in each step.
first:    one forward; the states of the base model are computed row by row and cached (first trial).
kept:     one forward; the states of the base model are in the cache (later trials).

All run in turns in one process, over the same steps; the table has the median over the rounds.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from statistics import median
from typing import Any
from unittest import mock

import torch
from rich.console import Console
from rich.table import Table

from trainables.assets import cache
from trainables.config import TrialConfig
from trainables.models import base_cache, joint_forward
from trainables.models.joint_forward import Predictions
from trainables.models.language_model import LanguageModel
from trainables.models.loading import load
from trainables.training import loss
from trainables.training.engine import Engine
from trainables.training.stream import Stream

RECIPES: dict[str, dict[str, Any]] = {
    "cda, kl_to_base on 8 general texts": {
        "objective": "cda",
        "regulariser": {"name": "kl_to_base", "data": "bold_wikipedia", "texts": 8},
    },
    "likelihood_gap": {"objective": "likelihood_gap"},
    "dpo": {"objective": "dpo"},
    "npo, kl_to_base on 8 general texts": {
        "objective": "npo",
        "regulariser": {"name": "kl_to_base", "data": "bold_wikipedia", "texts": 8},
    },
}


def apart(model: LanguageModel, groups: Any, **more: Any) -> dict[str, Predictions]:
    """Return the predictions for each group of queries from a forward of its own, without the cache."""
    return {
        name: joint_forward.predict_jointly(model, {name: group}, hidden=more["hidden"])[name]
        for name, group in groups.items()
        if group
    }


def together(model: LanguageModel, groups: Any, **more: Any) -> dict[str, Predictions]:
    """Return the predictions for all groups of queries from one forward, without the cache."""
    return joint_forward.predict_jointly(model, groups, hidden=more["hidden"])


def seconds_a_step(config: TrialConfig, steps: int, predict: Callable[..., Any]) -> float:
    """Return the median seconds of a step of a trial.

    predict: what the loss calls in place of `predict_jointly`.
    """
    model = load(config.model.path, config.model.family)
    model.reset(config.train.dtype)
    model._base_cache = None  # forget the states in memory
    stream, times = Stream(config, model), []
    with mock.patch.object(loss, "predict_jointly", predict), Engine(model, config.train) as engine:
        for step in range(steps):
            began = time.perf_counter()
            model.module.train()
            for batch in stream.micro_batches(step):
                engine.backward(loss.loss(config, model, batch).total)
            times.append(time.perf_counter() - began)
    return median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    own_cache = cache.cache_dir()
    table = Table(title=f"seconds of a step of 8 texts, {torch.get_num_threads()} threads")
    for heading in ("recipe", "apart", "together", "first", "kept", "apart / kept"):
        table.add_column(heading, justify="left" if heading == "recipe" else "right")
    for name, recipe in RECIPES.items():
        tree = {
            "model": {"path": options.model, "family": "causal"},
            "alignment": {"data": "bug", "size": 500},
            "train": {"lr": 1e-6, "steps": options.steps, "batch_size": 8, "max_tokens": 48},
            "evaluators": ["weights"],
        }
        config = TrialConfig.model_validate(tree | recipe)
        Stream(config, load(config.model.path, config.model.family))  # tokenises the tables
        times: dict[str, list[float]] = {way: [] for way in ("apart", "together", "first", "kept")}
        for _ in range(options.rounds):
            times["apart"].append(seconds_a_step(config, options.steps, apart))
            times["together"].append(seconds_a_step(config, options.steps, together))
            with tempfile.TemporaryDirectory() as folder:
                for linked in own_cache.iterdir():  # all but the states of the base
                    if linked.name != base_cache.FOLDER:
                        os.symlink(linked, f"{folder}/{linked.name}")
                with mock.patch.dict(os.environ, EQUIPOISE_CACHE=folder):
                    for way in ("first", "kept"):
                        times[way].append(
                            seconds_a_step(config, options.steps, joint_forward.predict_jointly)
                        )
        medians = {way: median(values) for way, values in times.items()}
        ratio = medians["apart"] / medians["kept"]
        table.add_row(name, *(f"{value:.2f}" for value in medians.values()), f"{ratio:.2f}")
    Console(width=80).print(table)


if __name__ == "__main__":
    main()
