"""What a trial takes on this machine, measured and kept for each machine and model."""

from __future__ import annotations

import hashlib
import json
import math
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from sweep.planning.interval import Interval
from trainables.assets.cache import cache_dir
from trainables.schema.strict import Strict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sweep.planning.machine import Machine
    from sweep.planning.speed import DefaultSpeed
    from sweep.planning.work.trial_work import TrialWork
    from trainables.config import TrialConfig
    from trainables.evaluators import AnyEvaluator

VERSION = 1  # of what is kept, raised when the work is counted otherwise
FOLDER = "speeds"  # in the cache folder
# How far what happened was from a calibrated estimate (docs/plan.md), both ways: other programs, and
# steps of other lengths than those that were timed.
MEASURED_FACTOR = 1.3
# Of a step whose objective, regulariser and parameters were not measured together, in addition.
COMBINED_FACTOR = 1.15
# Of what was not measured at all, but computes on the same device.
OTHER_FACTOR = 1.6


Kind = tuple[str, str, str]  # of an objective, a regulariser and parameters


class MeasuredStep(Strict):
    """Steps of one trial: their kind, the FLOP that were counted for one, and its seconds.

    tokens_s: tokens a second that were read with gradient.
    """

    kind: Annotated[Kind, Field(strict=False)]
    step_flop: float = Field(ge=0)
    num_trained: int = Field(ge=0)
    seconds: float = Field(gt=0)
    tokens_s: float = Field(ge=0)


class MeasuredEvaluation(Strict):
    """One measurement by an evaluator, given as JSON: the FLOP that were counted, and its seconds."""

    evaluator: str
    flop: float = Field(ge=0)
    seconds: float = Field(ge=0)


class Calibration(Strict):
    """What was measured.

    when: the day, as 2026-11-28.
    at_once: number of processes that were measured at the same time.
    start_s: seconds from the start of a process until its model was loaded.
    setup_s: seconds of a trial before its first step.
    peak_memory: most bytes that a process had at once, on the device that it computes on.
    share: of the time in which a process had its processor; below 1 where other programs had it, too.
    """

    version: int
    when: str
    at_once: int = Field(ge=1)
    start_s: float = Field(ge=0)
    setup_s: float = Field(ge=0)
    peak_memory: int = Field(ge=0)
    share: float = Field(gt=0, le=1)
    steps: Annotated[tuple[MeasuredStep, ...], Field(strict=False, min_length=1)]
    evaluations: Annotated[tuple[MeasuredEvaluation, ...], Field(strict=False)]


def file_of(
    machine: Machine, trial: TrialConfig, at_once: int, num_cores: int, device: str
) -> Path:
    """Return the file that a calibration is kept in; it need not exist.

    Its name follows from all that the speed depends on: machine, model, precision, load.
    """
    model = trial.model
    parts = (VERSION, device, machine.num_cpus, at_once, num_cores, model.path, model.family)
    key = hashlib.sha256(json.dumps([*parts, trial.train.dtype]).encode()).hexdigest()[:24]
    return cache_dir() / FOLDER / f"{key}.json"


def kept(file: Path) -> Calibration | None:
    """Return the calibration in a file; None if there is none that this release can read."""
    with suppress(OSError, ValueError):
        found = Calibration.model_validate_json(file.read_bytes())
        return found if found.version == VERSION else None
    return None


def keep(calibration: Calibration, file: Path) -> None:
    """Write a calibration into a file, in place of an earlier one.

    Raises:
        OSError: the cache folder cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    partial.write_text(calibration.model_dump_json(indent=1), encoding="utf-8")
    partial.replace(file)


@dataclass(frozen=True)
class CalibratedSpeed:
    """The speed that a calibration has found; of what it lacks, the usual one times what it has found.

    Attributes:
        calibration: what was measured.
        default: the usual speed of the device, of which the values alone count.
    """

    calibration: Calibration
    default: DefaultSpeed

    @property
    def basis(self) -> str:
        """From where the speed is known."""
        return f"calibration of {self.calibration.when}"

    def start_s(self) -> Interval:
        """Return the measured seconds."""
        return self._around(self.calibration.start_s)

    def setup_s(self) -> Interval:
        """Return the measured seconds."""
        return self._around(self.calibration.setup_s)

    def step_s(self, work: TrialWork) -> Interval:
        """Return the usual seconds times what such steps took longer than is usual.

        Of a kind that was not measured, the logarithm of that ratio is the sum of what its objective,
        its regulariser and its parameters add to it, by least squares over all kinds that were.
        """
        usual = self.default.step_s(work).value
        ratios = {
            step.kind: step.seconds / self._usual(step, work) for step in self.calibration.steps
        }
        if work.kind in ratios:
            return self._around(usual * ratios[work.kind])
        ratio, is_whole = _combined(ratios, work.kind)
        factor = COMBINED_FACTOR if is_whole else OTHER_FACTOR
        return self._around(usual * ratio, factor)

    def evaluation_s(self, evaluator: AnyEvaluator, flop: float) -> Interval:
        """Return the measured seconds; of an evaluator that was not measured, by the FLOP of all."""
        text = evaluator.model_dump_json()
        for measured in self.calibration.evaluations:
            if measured.evaluator == text:
                return self._around(measured.seconds)
        usual = self.default.evaluation_s(evaluator, flop).value
        return self._around(usual * self._reading_ratio(), OTHER_FACTOR)

    def reading_s(self, flop: float) -> Interval:
        """Return the usual seconds times what all evaluators together took longer than is usual."""
        usual = self.default.reading_s(flop).value
        return self._around(usual * self._reading_ratio(), OTHER_FACTOR)

    def _around(self, seconds: float, factor: float = 1.0) -> Interval:
        """Return seconds with the range of what was measured, times a further factor.

        Its low end is what they would be if other programs had left the processor alone.
        """
        both = MEASURED_FACTOR * factor
        return Interval(seconds * self.calibration.share / both, seconds, seconds * both)

    def _reading_ratio(self) -> float:
        """Return what all evaluators took, divided by what is usual; 1 if none was measured."""
        evaluations = self.calibration.evaluations
        overhead = self.default.device.evaluator_s
        usual = sum(overhead + self.default.reading_s(each.flop).value for each in evaluations)
        return sum(each.seconds for each in evaluations) / usual if usual else 1.0

    def _usual(self, step: MeasuredStep, work: TrialWork) -> float:
        """Return the usual seconds of a step that was measured; `work` is any of the model."""
        measured = replace(work, step_flop=step.step_flop, num_trained=step.num_trained)
        return self.default.step_s(measured).value


def _combined(ratios: Mapping[Kind, float], kind: Kind) -> tuple[float, bool]:
    """Return the ratio of a kind by those of others, and whether each of its parts is among them.

    What a part adds is relative to the median of all, so that one that was not measured adds nothing.
    """
    import numpy as np

    parts = list(dict.fromkeys(part for each in ratios for part in enumerate(each)))
    has_part = np.array([[part in enumerate(each) for part in parts] for each in ratios], float)
    logs = np.log(list(ratios.values()))
    middle = float(np.median(logs))
    added, *_ = np.linalg.lstsq(has_part, logs - middle, rcond=None)
    of_kind = np.array([part in enumerate(kind) for part in parts], float)
    lowest, highest = float(logs.min()), float(logs.max())
    log_ratio = min(max(middle + float(of_kind @ added), lowest), highest)
    return math.exp(log_ratio), all(part in parts for part in enumerate(kind))
