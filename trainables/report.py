"""The reports of a running trial, and the check whether a report can be used."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path


def _save_no_items(file: Path) -> None:
    """Write nothing: the default for a report without results of single items."""


@dataclass(frozen=True)
class Report:
    """The state of a trial at one step, for whoever runs it.

    step:       optimiser steps made; 0 = the base model.
    progress:   steps made as a share of all, 1 = finished.
    metrics:    name -> value of every metric that the trial declares.
    save_state: writes the files that resuming needs into a folder, without the model
                (trainables/training/checkpoint.py). To be called before the trial goes on.
    save_model: writes the measured model into a folder, as transformers reads it, adapters merged. To
                be called before the trial goes on.
    errors:     name -> standard error, for the metrics that have one.
    df:         name -> degrees of freedom of that error (trainables/metrics/interval.py has the rule).
    save_items: writes the results of single items to a Parquet file
                (trainables/metrics/items_file.py).
    training:   step -> name -> number: the course of the training since the last report, at some of
                its steps (trainables/training/curve.py). A number need not be finite.
    """

    step: int
    progress: float
    metrics: dict[str, float]
    save_state: Callable[[Path], None]
    save_model: Callable[[Path], None]
    errors: Mapping[str, float] = field(default_factory=dict)
    save_items: Callable[[Path], None] = _save_no_items
    df: Mapping[str, float] = field(default_factory=dict)
    training: Mapping[int, Mapping[str, float]] = field(default_factory=dict)


def fault(report: Report, declared: Collection[str]) -> str:
    """Return why a report cannot be used, as a clause; empty if it can.

    It must have every metric whose name is declared, and every value must be finite: a value that is
    not means that the trial has diverged, or at step 0 that the base model is broken.
    """
    missing = sorted(set(declared) - report.metrics.keys())
    if missing:
        return f"step {report.step} did not report {', '.join(missing)}"
    infinite = [f"{k} = {v}" for k, v in report.metrics.items() if not math.isfinite(v)]
    if infinite:
        reason = "the trial diverged" if report.step else "the base model itself has no such number"
        return f"step {report.step} reported {', '.join(infinite)}: {reason}"
    return ""
