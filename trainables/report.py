"""What a trial says while it runs: all that whoever runs it needs to know."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path


def _nothing(file: Path) -> None:
    """For what has no items to write."""


@dataclass(frozen=True)
class Report:
    """Where a trial stands.

    step:       optimiser steps made; 0 = the base model.
    progress:   their share of all, 1 = finished.
    metrics:    name -> value, all that the trial's evaluators declare.
    save_state: writes what resuming needs into a folder, and no model
                (trainables/training/checkpoint.py); as long as the trial rests at this report.
    save_model: writes the model as it is measured, merged, for transformers; as long as that.
    errors:     name -> standard error, of the metrics that have one.
    save_items: writes what was found item by item, as a Parquet table (trainables/metrics/estimate.py).
    """

    step: int
    progress: float
    metrics: dict[str, float]
    save_state: Callable[[Path], None]
    save_model: Callable[[Path], None]
    errors: Mapping[str, float] = field(default_factory=dict)
    save_items: Callable[[Path], None] = _nothing


def fault(report: Report, declared: Collection[str]) -> str:
    """Why a report cannot be used, in a sentence, or nothing."""
    missing = sorted(set(declared) - report.metrics.keys())
    if missing:
        return f"step {report.step} did not report {', '.join(missing)}"
    wrong = [f"{k} = {v}" for k, v in report.metrics.items() if not math.isfinite(v)]
    return f"step {report.step} reported {', '.join(wrong)}: the trial diverged" if wrong else ""
