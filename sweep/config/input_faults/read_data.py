"""What of their data trials read: those that are alike in it have the same faults of data."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from trainables.config import AlignmentConfig, TrialConfig
    from trainables.evaluators import AnyEvaluator
    from trainables.schema.faults import Place


class ReadData(NamedTuple):
    """The sets that a trial reads, whatever part of them it draws.

    alignment:  its settings, but for size and seed.
    texts:      (key, name) of each set of general texts that it trains on.
    evaluators: what is measured.
    """

    alignment: AlignmentConfig
    texts: tuple[tuple[Place, str], ...]
    evaluators: tuple[AnyEvaluator, ...]


def read_data(trial: TrialConfig) -> ReadData:
    """Return the sets that a trial reads."""
    return ReadData(
        trial.alignment.model_copy(update={"size": None, "seed": 0}),
        tuple(trial.trained_texts().items()),
        trial.evaluators,
    )


def trained_texts(trials: list[TrialConfig]) -> list[tuple[Place, str]]:
    """Return (key, name) of every set of general texts that trials train on."""
    return sorted({named for trial in trials for named in trial.trained_texts().items()})


def measured_texts(trials: list[TrialConfig]) -> list[tuple[AnyEvaluator, str]]:
    """Return (evaluator, name) of every set of general texts that evaluators measure on.

    Of evaluators of one name that measure on the same set there is one.
    """
    named = {
        (evaluator.name, name): evaluator
        for trial in reversed(trials)
        for evaluator, name in trial.measured_texts().items()
    }
    return [(named[key], key[1]) for key in sorted(named)]
