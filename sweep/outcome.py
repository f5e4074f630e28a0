"""How a trial ended: complete, pruned or failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sweep.workers.result import TrialResult

State = Literal["complete", "pruned", "failed"]


@dataclass(frozen=True)
class Outcome:
    """The state in which a trial ended, and why if it failed."""

    number: int
    state: State
    failure: str = ""


def outcome_of(result: TrialResult | None, *, error: bool = False) -> tuple[State, str]:
    """Return the state of a trial that ended with this result, and why if it failed.

    error: whether its process ended with an exception or died.
    """
    if error or result is None:
        return "failed", "the trial's process failed"
    if result.failure:
        return "failed", result.failure
    return ("complete" if result.is_full else "pruned"), ""
