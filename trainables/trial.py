"""The whole life of one trial, from top to bottom."""

from __future__ import annotations

import json
from collections import ChainMap
from collections.abc import Generator, Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from trainables import estimate
from trainables.candidate import candidate
from trainables.engine import Engine
from trainables.measure import base_values, measure
from trainables.metric_names import SHORTFALL, fused_name
from trainables.model import load
from trainables.objectives.dropout import own_dropout
from trainables.reading import Pairs, read
from trainables.report import Report
from trainables.stream import Part, Stream

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.config import TrialConfig
    from trainables.estimate import Estimate
    from trainables.model import LanguageModel

RECURRING = frozenset({"stereotypes", "antistereotypes", "anchors"})  # rows that come again
RECIPE = "trial.json"  # in a checkpoint: the configuration that it is of


def run_trial(config: TrialConfig, *, resume_from: Path | None = None) -> Generator[Report]:
    """Measure the base, train, and report when due; closing the generator ends the trial.

    The same configuration gives the same reports, interrupted or not: all randomness is drawn from
    (seed, step).

    Raises:
        ValueError: data, model or checkpoint do not fit the configuration.
    """
    train, objective, regulariser = config.train, config.objective, config.regulariser
    model = load(config.model)
    model.reset(train.dtype)
    stream = Stream(config, model)
    base = base_values(config, model)
    prepared = objective.prepare(model, stream)
    mixed = {SHORTFALL: float(stream.shortfall)} if config.replay else {}
    still = objective.asks_the_base or regulariser.asks_the_base
    with (
        own_dropout(model, 0.0, 0.0) if still else nullcontext(),
        config.parameters.training(model, config.seed),
        objective.training(model),
        regulariser.training(model),
        Engine(model, train, regulariser.recall) as engine,
    ):

        def save_model(folder: Path) -> None:
            if engine.ended:
                raise RuntimeError(
                    "a report can save its model until its trial goes on, not later."
                )
            with candidate(model, objective.update_factor * config.fusion.alpha):
                model.save(folder)

        def save(folder: Path) -> None:
            save_model(folder)
            engine.save(folder)
            (folder / RECIPE).write_text(config.model_dump_json(indent=1), encoding="utf-8")

        def report(found: Mapping[str, Estimate]) -> Report:
            return Report(
                engine.steps,
                engine.steps / train.steps,
                estimate.values(found) | mixed,
                save,
                save_model,
                estimate.errors(found),
                partial(estimate.write, found),
            )

        def measured() -> dict[str, Estimate]:
            with candidate(model, objective.update_factor * config.fusion.alpha):
                found = measure(config, model, base)
            for alpha in config.fusion.also:
                with candidate(model, objective.update_factor * alpha):
                    found |= fused(alpha, measure(config, model, base))
            return found

        if resume_from is None:
            also = [fused(alpha, base) for alpha in config.fusion.also]
            yield report(dict(ChainMap(base, *also)))
        else:
            engine.load(resume_from)
            _refuse_another_recipe(config, resume_from)
            if engine.steps == train.steps:  # it was saved when it had finished
                yield report(measured())
        while engine.steps < train.steps:
            torch.manual_seed((config.seed << 32) + engine.steps)  # dropout
            model.module.train()
            for part in stream.parts(engine.steps):
                engine.backward(loss(config, model, part, prepared))
            due = train.report_every and engine.steps % train.report_every == 0
            if due or engine.steps == train.steps:
                yield report(measured())


def fused(alpha: float, found: Mapping[str, Estimate]) -> dict[str, Estimate]:
    """What was found at this α, under the names that the record knows it by."""
    return {fused_name(name, alpha): value for name, value in found.items()}


def _refuse_another_recipe(config: TrialConfig, folder: Path) -> None:
    """A trial may be measured otherwise, or go on for longer where its length tells it nothing else:
    neither how the learning rate falls, nor when a replayed text comes.
    """
    file = folder / RECIPE
    if not file.is_file():
        raise ValueError(f"{folder} must be a checkpoint of a trial, but lacks {RECIPE}.")
    free = {"report_every": 0}
    replayed = config.replay is not None and config.replay.ratio > 0
    if config.train.schedule == "constant" and not config.train.warmup and not replayed:
        free |= {"steps": 0}
    now, began = (
        {**tree, "train": tree["train"] | free, "evaluators": [], "guard": {}, "fusion": {}}
        for tree in (config.tree(), json.loads(file.read_text(encoding="utf-8")))
    )
    others = [key for key, value in now.items() if began.get(key) != value]
    if others:
        raise ValueError(
            f"{folder} must be a checkpoint of this very trial, but its {', '.join(others)} differ: "
            f"resume with the configuration in {file}."
        )


def loss(config: TrialConfig, model: LanguageModel, part: Part, prepared: Any = None) -> Tensor:
    """NLL of the texts + objective(pairs, texts) + regulariser(weights, texts): ONE scalar.

    Each term is a mean over the part times the part's share of the step, so the parts of a step
    sum to the means over the step. All that a part asks of the model is read in one forward.
    """
    objective, regulariser = config.objective, config.regulariser
    asked = {
        "texts": part.texts,
        "stereotypes": [pair.stereotype for pair in part.pairs],
        "antistereotypes": [pair.antistereotype for pair in part.pairs],
        "anchors": part.anchors,
    }
    # A masked model's texts are masked anew each time.
    again = RECURRING | ({"texts"} if model.family == "causal" else set())
    found = read(model, asked, recurring=again, hidden=objective.reads_states)
    total = part.share * torch.as_tensor(regulariser.on_weights(model))
    if part.texts:
        texts = found["texts"]
        on_texts = objective.on_texts(model, texts) - texts.token_log_prob_N.mean()
        if regulariser.anchor is None:
            on_texts = on_texts + regulariser.on_texts(model, texts)
        total = total + part.texts_share * on_texts
    if part.pairs:
        shares_P = torch.tensor([pair.real_share for pair in part.pairs], device=model.device)
        pairs = Pairs(found["stereotypes"], found["antistereotypes"], shares_P, prepared)
        total = total + part.pairs_share * objective.on_pairs(model, pairs)
    if part.anchors:
        total = total + part.anchors_share * regulariser.on_texts(model, found["anchors"])
    return total
