"""The whole life of one trial, from top to bottom."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Generator, Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from trainables.contamination import refuse_overlap
from trainables.measure import base_values, measure
from trainables.metrics import estimate, items_file
from trainables.metrics.names import SHORTFALL, fused_name
from trainables.models.fusion import fused_weights
from trainables.models.loading import load
from trainables.objectives.dropout import own_dropout
from trainables.report import Report
from trainables.training import checkpoint
from trainables.training.engine import Engine
from trainables.training.loss import loss
from trainables.training.stream import Stream

if TYPE_CHECKING:
    from trainables.config import TrialConfig
    from trainables.metrics.estimate import Estimate


def run_trial(config: TrialConfig, *, resume_from: Path | None = None) -> Generator[Report]:
    """Measure the base, train, and report when due; closing the generator ends the trial.

    The same configuration gives the same reports, interrupted or not: all randomness is drawn from
    (seed, step).

    Raises:
        ValueError: data, model or checkpoint do not fit the configuration.
    """
    if resume_from is not None:
        checkpoint.refuse_another_trial(resume_from, config)
    train, objective, regulariser = config.train, config.objective, config.regulariser
    refuse_overlap(config)
    model = load(config.model.path, config.model.family)
    model.reset(train.dtype)
    stream = Stream(config, model)
    base = base_values(config, model)
    prepared = objective.prepare(model, stream.pairs)
    mixed = {SHORTFALL: float(stream.shortfall)} if config.replay else {}
    still = objective.uses_base or regulariser.uses_base
    with (
        own_dropout(model, 0.0, 0.0) if still else nullcontext(),
        config.parameters.training(model, config.seed),
        objective.training(model),
        regulariser.training(model),
        Engine(model, train, regulariser.pull_to_base) as engine,
    ):

        def refuse_late() -> None:
            if engine.ended:
                raise RuntimeError("a report can be saved until its trial goes on, not later.")

        def save_state(folder: Path) -> None:
            refuse_late()
            checkpoint.save(folder, config, engine)

        def save_model(folder: Path) -> None:
            refuse_late()
            with fused_weights(model, objective.update_factor * config.fusion.alpha):
                model.save(folder)

        def report(found: Mapping[str, Estimate]) -> Report:
            return Report(
                engine.steps,
                engine.steps / train.steps,
                estimate.values(found) | mixed,
                save_state,
                save_model,
                estimate.errors(found),
                partial(items_file.write, found),
            )

        def measured() -> dict[str, Estimate]:
            with fused_weights(model, objective.update_factor * config.fusion.alpha):
                found = measure(config, model, base)
            for alpha in config.fusion.also:
                with fused_weights(model, objective.update_factor * alpha):
                    found |= fused(alpha, measure(config, model, base))
            return found

        if resume_from is None:
            also = [fused(alpha, base) for alpha in config.fusion.also]
            yield report(dict(ChainMap(base, *also)))
        else:
            checkpoint.load(resume_from, engine)
            if engine.steps == train.steps:  # it was saved when it had finished
                yield report(measured())
        while engine.steps < train.steps:
            torch.manual_seed((config.seed << 32) + engine.steps)  # dropout
            model.module.train()
            for batch in stream.micro_batches(engine.steps):
                engine.backward(loss(config, model, batch, prepared))
            due = train.report_every and engine.steps % train.report_every == 0
            if due or engine.steps == train.steps:
                yield report(measured())


def fused(alpha: float, found: Mapping[str, Estimate]) -> dict[str, Estimate]:
    """What was found at this α, under the names that the record knows it by."""
    return {fused_name(name, alpha): value for name, value in found.items()}
