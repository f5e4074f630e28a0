"""How a trial ends: the words for it, and who says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["complete", "pruned", "failed"]

FULL = 1.0 - 1e-9  # progress of a trial that was not stopped early


@dataclass(frozen=True)
class Outcome:
    """How a trial ended: its state, and why if it failed."""

    number: int
    state: State
    failure: str = ""


def outcome_of(result: Mapping[str, Any] | None, *, error: bool = False) -> tuple[State, str]:
    """How a trial with this last result ended, and why if it failed."""
    if error or not result:
        return "failed", "the trial's process failed"
    if failure := result.get("failure"):
        return "failed", failure
    return ("complete" if result.get("progress", 0.0) >= FULL else "pruned"), ""
