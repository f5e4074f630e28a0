"""How a trial ended: complete, pruned or failed."""

from __future__ import annotations

from dataclasses import dataclass, field

from analysis.record.names import EndState, TrialState
from sweep.workers.result import TrialResult


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a trial ended.

    number:  of the trial.
    failure: the reason why it failed, in a sentence; empty for the other states.
    input_changed: whether it failed because a model or a data set is not what the sweep began with.
        This is known to the process alone in which it ended.
    """

    number: int
    state: EndState
    failure: str = ""
    input_changed: bool = field(default=False, compare=False)


def outcome_of(result: TrialResult | None, *, error: bool = False) -> tuple[EndState, str]:
    """Return the state of a trial that has ended, and the reason if it failed, else "".

    A trial whose last report was made before its last step was pruned.

    Args:
        result: of its last report; None if there was none.
        error: whether its process raised an exception or died.
    """
    if error or result is None:
        return TrialState.FAILED, "the trial's process failed"
    if result.failure:
        return TrialState.FAILED, result.failure
    return (TrialState.COMPLETE if result.is_full else TrialState.PRUNED), ""
