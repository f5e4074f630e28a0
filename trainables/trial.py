"""The life of one trial: measure the base, train, report."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from trainables.contamination import refuse_contamination
from trainables.determinism import only_repeatable_kernels
from trainables.measure import base_values, measure
from trainables.metrics import estimate, items_file
from trainables.metrics.names import RELATIVE, SHORTFALL, fused_name, plain_name
from trainables.models.fusion import fused_weights
from trainables.models.loading import load
from trainables.report import Report
from trainables.training import checkpoint
from trainables.training.curve import Curve
from trainables.training.engine import Engine
from trainables.training.loss import loss
from trainables.training.ranks import joined
from trainables.training.shards import module_to_cut, whole_model
from trainables.training.stream import Stream

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from trainables.config import TrialConfig
    from trainables.metrics.estimate import Estimate
    from trainables.models.language_model import LanguageModel


def run_trial(config: TrialConfig, *, resume_from: Path | None = None) -> Generator[Report]:
    """Train as configured; yield a report at step 0, when one is due, and at the end.

    Closing the generator ends the trial: the engine is freed, and hooks and adapters are taken off the
    model. The same configuration gives the same reports, interrupted or not: all randomness is drawn
    from (seed, step).

    Where the environment describes a group of processes (training/process_group.py), they train one
    model together: each must run the trial, to its end, and save the same reports at the same steps.
    The first alone measures and writes files; the reports of the others have no metrics.

    resume_from: the folder of a checkpoint to continue from; the report at step 0 is left out then.

    Raises:
        ValueError: data or model do not fit the configuration.
        UnusableCheckpoint: the checkpoint cannot be resumed from.
    """
    if resume_from is not None:
        checkpoint.refuse_another_trial(resume_from, config)
    ranks = joined()
    config.train.refuse_unequal_parts(ranks.size)
    train, objective, regulariser = config.train, config.objective, config.regulariser
    refuse_contamination(config)
    model = load(config.model.path, config.model.family, config.model.opening)
    model.reset(train.dtype)
    stream = Stream(config, model)
    base = base_values(config, model) if ranks.is_first else {}
    prepared = objective.prepare(model, stream.pairs)
    drops_nothing = objective.uses_base or regulariser.uses_base or regulariser.replaces_dropout
    own_dropout = objective.sets_dropout or not drops_nothing
    with (
        module_to_cut(model, train),
        config.parameters.training(model, config.seed),
        objective.training(model),
        regulariser.training(model),
        Engine(model, train, regulariser.pull_to_base, ranks) as engine,
    ):
        curve = Curve(train.steps, ranks)
        reporter = _Reporter(config, model, base, engine, stream.shortfall, curve)
        if resume_from is None:
            yield reporter.report_base()
        else:
            checkpoint.load(resume_from, engine)
            if engine.steps == train.last_step:  # it was saved at its end
                yield reporter.report()
        while engine.steps < train.last_step:
            model.train(own_dropout=own_dropout)
            lr, losses = engine.lr, []
            for batch in stream.micro_batches(engine.steps, ranks):
                torch.manual_seed(_dropout_seed(config.seed, engine.steps, batch.part))
                with only_repeatable_kernels(model.takes_repeatable_kernels):
                    batch_loss = loss(config, model, batch, prepared)
                    engine.backward(batch_loss.total)
                losses.append(batch_loss.detached())
            curve.note(engine.steps, losses, lr, engine.gradient_norm)
            is_due = train.report_every and engine.steps % train.report_every == 0
            if is_due or engine.steps == train.last_step:
                yield reporter.report()


def _dropout_seed(seed: int, step: int, part: int) -> int:
    """Return the seed of what a model draws in a micro-batch, whichever process makes it.

    part: the number of the micro-batch in its step.
    """
    first = (seed << 32) + step
    if part == 0:
        return first
    return int.from_bytes(hashlib.sha256(f"{first} {part}".encode()).digest()[:7])


@dataclass(frozen=True)
class _Reporter:
    """Makes the reports of a running trial.

    config:    the trial.
    model:     the model that is trained.
    base:      the estimates at the base weights.
    engine:    the engine that trains the model.
    shortfall: number of replayed texts that the ratio requires beyond those in the replay set.
    curve:     the course of the training since the last report.
    """

    config: TrialConfig
    model: LanguageModel
    base: Mapping[str, Estimate]
    engine: Engine
    shortfall: int
    curve: Curve

    def report_base(self) -> Report:
        """Return the report at step 0: the base values, under the names of every fused model too."""
        if not self.engine.ranks.is_first:
            return self._report({})
        estimates = dict(self.base)
        for alpha in self.config.fusion.also:
            estimates |= _fused(alpha, self.base)
        return self._report(estimates)

    def report(self) -> Report:
        """Measure the model at the α of the trial and at each further α; return the report."""
        with whole_model(self.model, self.engine.ranks) as is_whole:
            return self._report(self._measured() if is_whole else {})

    def _measured(self) -> dict[str, Estimate]:
        """Return the estimates of the model at the α of the trial, and at each further α."""
        with self._weights_at(self.config.fusion.alpha):
            estimates = measure(self.config, self.model, self.base)
        for alpha in self.config.fusion.also:
            with self._weights_at(alpha):
                estimates |= _fused(alpha, measure(self.config, self.model, self.base))
        return estimates

    def _weights_at(self, alpha: float) -> AbstractContextManager[None]:
        """Return a context in which the model has the weights at α of the debiased model."""
        return fused_weights(self.model, self.config.objective.update_factor * alpha)

    def _report(self, estimates: Mapping[str, Estimate]) -> Report:
        """Return a report of these estimates at the engine's step."""
        num_steps = self.engine.steps
        # The report at step 0 is that of the base model, which replays nothing.
        shortfall = float(self.shortfall if num_steps else 0)
        cost = {SHORTFALL: shortfall} if self.config.replay else {}
        return Report(
            num_steps,
            num_steps / self.config.train.last_step,
            estimate.values(estimates) | cost,
            self._save_state,
            self._save_model,
            estimate.errors(estimates),
            partial(items_file.write, estimates),
            self._df(estimates),
            self.curve.take(),
        )

    def _df(self, estimates: Mapping[str, Estimate]) -> dict[str, float]:
        """Return the degrees of freedom to report; changes of the base from itself are exact zeros.

        It is the base at step 0, and where no likelihood differs in the last bit, as with lr 0.
        """
        df = estimate.degrees_of_freedom(estimates)
        unmoved = {_alpha_of(name) for name, one in estimates.items() if _is_unmoved(name, one)}
        return {
            name: value
            for name, value in df.items()
            if not name.endswith(RELATIVE) or (self.engine.steps and _alpha_of(name) not in unmoved)
        }

    def _save_state(self, folder: Path) -> None:
        """Write a checkpoint into a folder; raise RuntimeError if the trial has ended."""
        self._refuse_ended()
        checkpoint.save(folder, self.config, self.engine)

    def _save_model(self, folder: Path) -> None:
        """Write the model at the α of the trial into a folder; raise RuntimeError if it has ended."""
        self._refuse_ended()
        with whole_model(self.model, self.engine.ranks) as is_whole:
            if is_whole:
                with self._weights_at(self.config.fusion.alpha):
                    self.model.save(folder)

    def _refuse_ended(self) -> None:
        """Raise RuntimeError if the trial has ended, since weights and moments are gone then."""
        if self.engine.is_freed:
            raise RuntimeError(
                "a report must be saved before its trial goes on, but the trial has ended."
            )


def _fused(alpha: float, estimates: Mapping[str, Estimate]) -> dict[str, Estimate]:
    """Return estimates of the model at α, under the names of its metrics: `fusion/α/NAME`."""
    return {fused_name(name, alpha): value for name, value in estimates.items()}


def _alpha_of(name: str) -> str:
    """Return what stands before the plain name of a metric: the α of its weights, or nothing."""
    return name.removesuffix(plain_name(name))


def _is_unmoved(name: str, change: Estimate) -> bool:
    """Return whether a metric is a change of likelihoods from the base that is 0 in every item."""
    is_change = name.endswith(RELATIVE) and not change.is_of_decisions
    influences_I = change.influences_I
    return is_change and change.value == 0 and influences_I is not None and not influences_I.any()
