"""What a worker hands to Tune at each report: one typed object, for all who read it on the driver."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from analysis.record.names import Group, Series
from trainables.metrics.names import error_name, metric_of_error

KEY = "trial_result"  # in the mapping that Tune passes on
FAULT = "fault"  # in the configuration that Tune passes to a worker: why what was drawn is no trial
FULL = 1.0 - 1e-9  # progress of a trial that has made all its steps


class Attachment:
    """Bytes that travel with a result, for one reader.

    Tune keeps the last result of every trial for as long as the sweep runs; what was taken is not kept.
    """

    def __init__(self, content: bytes = b"") -> None:
        self._content = content

    def take(self) -> bytes:
        """Return the bytes and let go of them; nothing the next time."""
        content, self._content = self._content, b""
        return content


@dataclass(frozen=True)
class TrialResult:
    """One report of a trial.

    step:      optimiser steps made; None where nothing was measured, because the trial failed.
    progress:  their share of all, in [0, 1].
    metrics:   each metric by its name, in its unit; may be NaN where the trial has failed.
    errors:    standard errors, by the names of their metrics.
    machine:   how busy the machine was since the last report, `system/…`.
    failure:   why the trial has failed; empty if it has not.
    disk_full: why the sweep must stop until there is room; no failure of the trial.
    done:      whether this is the last report; the worker then takes another trial.
    items:     what was measured item by item, as a Parquet file; with the first and the last report.
    """

    step: int | None = None
    progress: float = 0.0
    metrics: Mapping[str, float] = field(default_factory=dict)
    errors: Mapping[str, float] = field(default_factory=dict)
    machine: Mapping[str, float] = field(default_factory=dict)
    failure: str = ""
    disk_full: str = ""
    done: bool = False
    items: Attachment = field(default_factory=Attachment, compare=False, repr=False)

    @classmethod
    def of(cls, result: Mapping[str, Any] | None) -> TrialResult | None:
        """Return the result that Tune passes on; None where the worker has handed over none."""
        found: TrialResult | None = (result or {}).get(KEY)
        return found

    def for_tune(self) -> dict[str, Any]:
        """Return the mapping that a Trainable's step returns."""
        return {KEY: self, "done": self.done}

    @property
    def is_full(self) -> bool:
        """Whether the trial has made all its steps."""
        return self.progress >= FULL

    def recorded(self) -> dict[str, float]:
        """Return what MLflow gets to know of the step.

        That is the finite metrics, their errors, how busy the machine was, and `progress`, which says
        that the step was reported at all.
        """
        finite = {name: value for name, value in self.metrics.items() if math.isfinite(value)}
        errors = {error_name(name): se for name, se in self.errors.items()}
        return finite | errors | {Series.PROGRESS: self.progress} | dict(self.machine)

    def to_json(self) -> str:
        """Return the result as JSON, without its items."""
        names = ("step", "progress", "metrics", "errors", "machine", "failure", "done")
        return json.dumps({name: getattr(self, name) for name in names})

    @classmethod
    def from_json(cls, text: str) -> TrialResult:
        """Return the result that `to_json` wrote, or an earlier release.

        There metrics stood beside the other keys, and `record` held what MLflow was to get.
        """
        tree = json.loads(text)
        if "record" not in tree:
            return cls(**tree)
        record = tree.pop("record")
        kept = {name: tree.pop(name) for name in ("step", "progress", "failure", "done")}
        errors = {m: se for name, se in record.items() if (m := metric_of_error(name)) is not None}
        machine = {name: v for name, v in record.items() if name.startswith(Group.SYSTEM)}
        return cls(metrics=tree, errors=errors, machine=machine, **kept)
