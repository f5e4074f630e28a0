"""The whole life of one trial, from top to bottom."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from trainables import estimate
from trainables.config import SHORTFALL
from trainables.engine import Engine
from trainables.measure import base_values, measure
from trainables.model import load, token_nll
from trainables.report import Report
from trainables.stream import Part, Stream

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.config import TrialConfig
    from trainables.estimate import Estimate
    from trainables.model import LanguageModel

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

        def report(found: Mapping[str, Estimate]) -> Report:
            return Report(
                engine.steps,
                engine.steps / train.steps,
                estimate.values(found) | mixed,
                save,
                model.save,
                estimate.errors(found),
                partial(estimate.write, found),
            )

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
        {**tree, "train": tree["train"] | free, "evaluators": [], "guard": {}}
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
    logits_NV = model.logits(part.texts)
    nll = token_nll(logits_NV, part.texts).mean()
    held = config.regulariser.loss(model, part.texts, logits_NV)
    total = part.texts_share * (nll + held)
    if part.pairs is not None:
        total = total + part.pairs_share * config.objective.loss(model, part.pairs)
    return total
