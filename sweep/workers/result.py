"""The result that a worker hands to Ray Tune at each report, for every reader on the driver."""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from analysis.record.names import Group, Series
from trainables.metrics.names import df_name, error_name, metric_of_error

RESULT_KEY = "trial_result"  # of the TrialResult, in the mapping that Tune passes on
FULL_PROGRESS = 1.0 - 1e-9  # from here on a trial has made all its steps; leaves room for rounding
# What reading something else as the tree of a result raises.
NOT_A_RESULT = (
    ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError,
)  # fmt: skip


class Attachment:
    """Bytes that travel with a result and can be taken once, by one reader: the recorder alone.

    content: the bytes, until they are taken.

    Tune keeps the last result of every trial in memory for as long as the sweep runs. Bytes that were
    taken are not kept with it. So an Attachment changes, even within a TrialResult, which is frozen.
    """

    def __init__(self, content: bytes = b"") -> None:
        self.content = content

    def take(self) -> bytes:
        """Return the bytes and forget them; return no bytes the next time."""
        content, self.content = self.content, b""
        return content


@dataclass(frozen=True)
class TrialResult:
    """One report of a trial.

    step:      number of optimiser steps made; None where the trial failed before a measurement.
    progress:  share of all steps that are made, in [0, 1].
    metrics:   name -> value in the metric's unit; may be NaN where the trial has failed.
    errors:    name of a metric -> its standard error.
    df:        name of a metric -> the degrees of freedom of that error, as in trainables.report.
    machine:   name, `system/…` -> how busy the machine was since the last report.
    failure:   the reason why the trial has failed, in a sentence; empty if it has not.
    input_changed: whether that reason is an input that is not what the sweep began with.
    disk_full: the error of a full disk, at which the sweep must stop until there is room; empty if
               there is none. It is no failure of the trial.
    anew:      why the trial begins anew and not from its checkpoint, in a sentence; empty if it does
               not, or has none.
    done:      whether this is the last report; the worker then takes another trial.
    items:     results item by item, as a Parquet file; with the first and the last report alone.
    training:  the course of the training since the last report, as `pack_training` writes it.
    """

    step: int | None = None
    progress: float = 0.0
    metrics: Mapping[str, float] = field(default_factory=dict)
    errors: Mapping[str, float] = field(default_factory=dict)
    df: Mapping[str, float] = field(default_factory=dict)
    machine: Mapping[str, float] = field(default_factory=dict)
    failure: str = ""
    input_changed: bool = False
    disk_full: str = ""
    anew: str = ""
    done: bool = False
    items: Attachment = field(default_factory=Attachment, compare=False, repr=False)
    training: Attachment = field(default_factory=Attachment, compare=False, repr=False)

    @classmethod
    def of(cls, result: Mapping[str, Any] | None) -> TrialResult | None:
        """Return the TrialResult in a mapping that Tune passes on, or None if there is none."""
        trial_result: TrialResult | None = (result or {}).get(RESULT_KEY)
        return trial_result

    def for_tune(self) -> dict[str, Any]:
        """Return the mapping that the `step` of a ray.tune Trainable must return."""
        return {RESULT_KEY: self, "done": self.done}

    @property
    def is_full(self) -> bool:
        """Whether the trial has made all its steps."""
        return self.progress >= FULL_PROGRESS

    def recorded(self) -> dict[str, float]:
        """Return name -> finite value of the metrics to record in MLflow for this step.

        These are the metrics, their standard errors and degrees of freedom, those of the machine, and
        `progress`, which shows that the step was reported even if nothing else is finite.
        """
        errors = {error_name(name): se for name, se in self.errors.items()}
        df = {df_name(name): value for name, value in self.df.items()}
        values = (
            dict(self.metrics) | errors | df | {Series.PROGRESS: self.progress} | dict(self.machine)
        )
        return {name: value for name, value in values.items() if math.isfinite(value)}

    def to_json(self) -> str:
        """Return the result as JSON, without its items."""
        names = ("step", "progress", "metrics", "errors", "df", "machine", "failure", "done")
        tree = {name: getattr(self, name) for name in names}
        return json.dumps(tree | {"training": self.training.content.decode()})

    @classmethod
    def from_json(cls, text: str) -> TrialResult:
        """Return the result that `to_json` has written, in this release or in an earlier one.

        Earlier releases wrote metrics beside the other keys, and under `record` the metrics for MLflow.

        Raises:
            ValueError: neither has written it.
        """
        try:
            result = cls._of_tree(json.loads(text))
            step = None if result.step is None else operator.index(result.step)
            recorded_training(result.training.content)
            return replace(
                result,
                step=step,
                progress=float(result.progress),
                metrics=_numbers(result.metrics),
                errors=_numbers(result.errors),
                df=_numbers(result.df),
                machine=_numbers(result.machine),
            )
        except NOT_A_RESULT as error:
            raise ValueError("it holds no result of a trial") from error

    @classmethod
    def _of_tree(cls, tree: dict[str, Any]) -> TrialResult:
        """Return the result in a tree of JSON, unchecked."""
        training = Attachment(tree.pop("training", "").encode())
        if "record" not in tree:
            return cls(**tree, training=training)
        record = tree.pop("record")
        fields = {name: tree.pop(name) for name in ("step", "progress", "failure", "done")}
        errors = {m: se for name, se in record.items() if (m := metric_of_error(name)) is not None}
        machine = {name: v for name, v in record.items() if name.startswith(Group.SYSTEM)}
        return cls(metrics=tree, errors=errors, machine=machine, **fields)


def pack_training(training: Mapping[int, Mapping[str, float]]) -> Attachment:
    """Return the course of a training, as `Report.training` has it, as bytes that are taken once."""
    return Attachment(json.dumps(training).encode() if training else b"")


def recorded_training(content: bytes) -> dict[int, dict[str, float]]:
    """Return step -> name -> finite value of the metrics to record in MLflow, `train/loss` and so on.

    content: what `pack_training` wrote; it may be empty.
    """
    training: dict[str, dict[str, float]] = json.loads(content or b"{}")
    return {
        int(step): {f"{Group.TRAIN}{n}": v for n, v in values.items() if math.isfinite(v)}
        for step, values in training.items()
    }


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return metrics as they were read from a file; raise if one of them is no number."""
    return {name: float(value) for name, value in metrics.items()}
