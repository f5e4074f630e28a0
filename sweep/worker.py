"""What one Ray actor does: trial after trial, warm, each report recorded before Tune hears of it."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from ray import tune

from sweep.ending import FULL
from sweep.tracking import Record
from trainables.config import TrialConfig
from trainables.metrics import ERROR
from trainables.report import fault
from trainables.yaml_file import dotted, faults

if TYPE_CHECKING:
    from trainables.report import Report

RunTrial = Callable[..., "Iterator[Report]"]


@dataclass(frozen=True)
class Assignment:
    """What all trials of a sweep have in common, for a worker.

    run_trial:   trainables.trial.run_trial; a benchmark of the orchestration passes one that rests.
    folder:      where the sweep was started, so that a relative path means the same in a worker.
    checkpoints: folder for the state of running trials, if that is kept.
    keep_models: whether finished models become artifacts.
    """

    record: Record
    run_trial: RunTrial
    folder: Path = field(default_factory=Path.cwd)
    checkpoints: Path | None = None
    keep_models: bool = False


def real_trial(config: TrialConfig, *, resume_from: Path | None = None) -> Iterator[Report]:
    """trainables.trial.run_trial, imported where it runs: the driver needs no torch."""
    from trainables.trial import run_trial

    return run_trial(config, resume_from=resume_from)


class Worker(tune.Trainable):  # type: ignore[misc]
    """step() = the next report of the trial; the last has done = True, and the actor stays."""

    _reports: Any = None
    _run_id: str = ""
    _base_recorded: bool = False

    def setup(self, config: dict[str, Any], assignment: Assignment) -> None:
        self._assignment = assignment
        if assignment.folder.is_dir():  # not on another machine
            os.chdir(assignment.folder)
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take another trial in the same warm process.

        It only begins with its first step: Tune may set up an actor for a trial and then give that
        trial to one that has become free.
        """
        self.cleanup()
        self._given = new_config
        return True

    def cleanup(self) -> None:
        if self._reports is not None:
            self._reports.close()
            self._reports = None

    def step(self) -> dict[str, Any]:
        record = self._assignment.record
        try:
            if self._reports is None and (refused := self._begin(**self._given)):
                return {"failure": refused, "progress": 1.0, "run_id": None, "done": True}
            report = next(self._reports)
            failure = fault(report, self._declared)
            ended = bool(failure) or report.progress >= FULL
            if report.step > self._recorded:
                self._record(report, ended)
            if not failure:
                self._keep(report, ended)
            if ended:
                self.cleanup()
        except Exception as error:
            # Said here, where it is known; the process is not used again.
            if self._run_id:
                with suppress(Exception):  # or it would hide the error itself
                    record.explain_failure(self._run_id, f"{type(error).__name__}: {error}")
            raise
        if failure:
            record.explain_failure(self._run_id, failure)
        return {
            **report.metrics,
            "step": report.step,
            "progress": report.progress,
            "run_id": self._run_id,
            "failure": failure,
            "done": ended,
        }

    def _begin(self, number: int, trial: dict[str, Any]) -> str:
        """Open the trial's run and start it, or say why it is none: what was drawn does not fit."""
        assignment = self._assignment
        self._run_id = ""
        try:
            config = TrialConfig.model_validate(trial)
        except ValidationError as error:
            found = (
                f"{dotted(fault.place)} {fault.sentence}".strip()
                for fault in faults(error, TrialConfig, trial)
            )
            return f"what was drawn is no trial: {' '.join(found)}"
        self._declared = {metric.name for metric in config.metrics()}
        self._run_id, self._recorded = assignment.record.open_trial(number, config)
        kept = assignment.checkpoints
        self._kept = kept / f"{number:04}-{config.fingerprint()}" if kept else None
        resume_from = self._kept if self._kept and self._kept.exists() else None
        self._reports = assignment.run_trial(config, resume_from=resume_from)
        return ""

    def _record(self, report: Report, ended: bool) -> None:
        record = self._assignment.record
        finite = {k: v for k, v in report.metrics.items() if math.isfinite(v)}
        values = finite | {f"{ERROR}{name}": se for name, se in report.errors.items()}
        record.log(self._run_id, report.step, values | {"progress": report.progress})
        base = report.step == 0 and not self._base_recorded
        if base or ended:
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder, "items.parquet")
                report.save_items(file)
                if base:
                    record.log_base(values, file)
                    self._base_recorded = True
                if ended and file.exists():
                    record.log_items(self._run_id, file)

    def _keep(self, report: Report, ended: bool) -> None:
        if ended and self._assignment.keep_models:
            with tempfile.TemporaryDirectory() as folder:
                report.save_model(Path(folder))
                self._assignment.record.log_model(self._run_id, folder)
        if self._kept is None or report.step == 0:
            return
        if ended:
            shutil.rmtree(self._kept, ignore_errors=True)
            return
        fresh = self._kept.with_name(f"{self._kept.name}.partial")
        shutil.rmtree(fresh, ignore_errors=True)
        report.save(fresh)
        shutil.rmtree(self._kept, ignore_errors=True)
        fresh.rename(self._kept)
