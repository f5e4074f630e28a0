"""What a trial says while it runs: all that whoever runs it needs to know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Report:
    """Where a trial stands.

    step:     optimiser steps made; 0 = the base model.
    progress: their share of all, 1 = finished.
    metrics:  name -> value, all that the trial's evaluators declare.
    save:     writes the model as it is now, and what resuming needs, into a folder.
    """

    step: int
    progress: float
    metrics: dict[str, float]
    save: Callable[[Path], None]
