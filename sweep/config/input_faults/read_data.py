"""What of its data a trial reads: trials that are alike in it have the same faults of data."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from trainables.config import AlignmentConfig, TrialConfig
    from trainables.evaluators import AnyEvaluator


class ReadData(NamedTuple):
    """The sets that a trial reads, whatever part of them it draws.

    alignment:   its settings, but for size and seed.
    replay:      the name of the set that is replayed; None if none is.
    regulariser: the name of the set that the regulariser reads; None if it reads none.
    evaluators:  what is measured.
    """

    alignment: AlignmentConfig
    replay: str | None
    regulariser: str | None
    evaluators: tuple[AnyEvaluator, ...]


def read_data(trial: TrialConfig) -> ReadData:
    """Return the sets that a trial reads."""
    return ReadData(
        trial.alignment.model_copy(update={"size": None, "seed": 0}),
        trial.replay.data if trial.replay and trial.replay.ratio else None,
        trial.regulariser.texts_from,
        trial.evaluators,
    )
