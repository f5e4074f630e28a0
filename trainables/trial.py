"""The whole life of one trial, from top to bottom."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from trainables import cache
from trainables.config import SHORTFALL
from trainables.engine import Engine
from trainables.model import load, token_nll
from trainables.report import Report
from trainables.stream import Part, Stream

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.config import TrialConfig
    from trainables.model import LanguageModel

# What a measured value is made by, beside weights and data.
MEASURED_BY = (
    *("evaluators/*.py", "batch.py", "data.py", "held_out.py", "likelihood.py", "metrics.py"),
    "model.py",
)

RECIPE = "trial.json"  # in a checkpoint: the configuration that it is of


def run_trial(config: TrialConfig, *, resume_from: Path | None = None) -> Iterator[Report]:
    """Measure the base, train, and report when due; closing the generator ends the trial.

    The same configuration gives the same reports, interrupted or not: all randomness is drawn from
    (seed, step).

    Raises:
        ValueError: data or checkpoint do not fit the configuration.
    """
    train = config.train
    model = load(config.model)
    model.reset(train.dtype)
    base = base_values(config, model)
    stream = Stream(config, model)
    mixed = {SHORTFALL[0].name: float(stream.shortfall)} if config.replay else {}
    with Engine(model, train) as engine:

        def save(folder: Path) -> None:
            engine.save(folder)
            (folder / RECIPE).write_text(config.model_dump_json(indent=1), encoding="utf-8")

        def report(metrics: dict[str, float]) -> Report:
            progress = engine.steps / train.steps
            return Report(engine.steps, progress, metrics | mixed, save, model.save)

        if resume_from is None:
            yield report(base)
        else:
            engine.load(resume_from)
            _refuse_another_recipe(config, resume_from)
            if engine.steps == train.steps:  # it was saved when it had finished
                yield report(measure(config, model, base))
        while engine.steps < train.steps:
            torch.manual_seed((config.seed << 32) + engine.steps)  # dropout
            model.module.train()
            for part in stream.parts(engine.steps):
                engine.backward(loss(config, model, part))
            due = train.report_every and engine.steps % train.report_every == 0
            if due or engine.steps == train.steps:
                yield report(measure(config, model, base))


def _refuse_another_recipe(config: TrialConfig, folder: Path) -> None:
    """A trial may go on for longer, or be measured otherwise, and remains the same trial."""
    file = folder / RECIPE
    if not file.is_file():
        raise ValueError(f"{folder} must be a checkpoint of a trial, but lacks {RECIPE}.")
    free = {"steps": 0, "report_every": 0}
    now, began = (
        {**tree, "train": tree["train"] | free, "evaluators": []}
        for tree in (config.tree(), json.loads(file.read_text(encoding="utf-8")))
    )
    others = [key for key, value in now.items() if began.get(key) != value]
    if others:
        raise ValueError(
            f"{folder} must be a checkpoint of this very trial, but its {', '.join(others)} differ: "
            f"resume with the configuration in {file}."
        )


def loss(config: TrialConfig, model: LanguageModel, part: Part) -> Tensor:
    """NLL of the texts + objective(pairs) + regulariser(model, base): ONE scalar, a part of a step.

    Each term is a mean over the part times the part's share of the step, so the parts of a step
    sum to the means over the step.
    """
    logits_BTV = model.logits(part.texts)
    nll = token_nll(logits_BTV, part.texts).mean()
    held = config.regulariser.loss(model, part.texts, logits_BTV)
    total = part.texts_share * (nll + held)
    if part.pairs is not None:
        total = total + part.pairs_share * config.objective.loss(model, part.pairs)
    return total


def measure(
    config: TrialConfig, model: LanguageModel, base: Mapping[str, float]
) -> dict[str, float]:
    """What all evaluators of the trial find, the model being as it is now."""
    found: dict[str, float] = {}
    for evaluator in config.evaluators:
        found |= evaluator.measure(model, base)
    return found


def base_values(config: TrialConfig, model: LanguageModel) -> dict[str, float]:
    """What the evaluators find at the base weights: measured once for all trials, then cached.

    The key holds all that the numbers depend on: weights, evaluators, their data, precision.
    """
    asked = {
        "measured by": cache.source_digest(*MEASURED_BY),
        "model": model.digest,
        "family": model.family,
        "dtype": config.train.dtype,
        "device": model.device.type,
        "evaluators": [e.model_dump(mode="json") for e in config.evaluators],
        "data": [e.data_digest() for e in config.evaluators],
    }
    key = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:24]

    def build(folder: Path) -> None:
        values = measure(config, model, base={})
        (folder / "values.json").write_text(json.dumps({"asked": asked, "values": values}))

    kept = cache.once(f"base_values/{key}", build) / "values.json"
    values: dict[str, float] = json.loads(kept.read_text())["values"]
    return values
