"""What one Ray actor does: trial after trial, warm, each report recorded before Tune hears of it."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from ray import tune

from analysis.record.names import Artifact, Series
from sweep.outcome import FULL
from sweep.workers import disk
from sweep.workers.checkpoints import CheckpointStores, checkpoint_name, model_name
from sweep.workers.system_metrics import SystemMetrics
from trainables.config import TrialConfig
from trainables.metrics.names import error_name
from trainables.report import fault
from trainables.schema.faults import dotted, faults

if TYPE_CHECKING:
    from trainables.report import Report

RESULT = "result.json"  # in a checkpoint: what the trial said when it was written

RunTrial = Callable[..., "Generator[Report]"]


class StorageTrouble(RuntimeError):
    """Checkpoints or models cannot be read or written where they are kept."""


@contextmanager
def _of_storage() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if disk.full_disk_in(error):
            raise
        raise StorageTrouble(f"{type(error).__name__}: {error}") from error


@dataclass(frozen=True)
class Assignment:
    """What all trials of a sweep have in common, for a worker.

    run_trial:   trainables.trial.run_trial; a benchmark of the orchestration passes one that rests.
    folder:      where the sweep was started, so that a relative path means the same in a worker.
    stores:      where the state of running trials is kept, and finished models are left for the record.
    watched:     whether a report says how busy the machine was, too.
    """

    run_trial: RunTrial
    folder: Path = field(default_factory=Path.cwd)
    stores: CheckpointStores = field(default_factory=CheckpointStores)
    watched: bool = False


def real_trial(config: TrialConfig, *, resume_from: Path | None = None) -> Generator[Report]:
    """trainables.trial.run_trial, imported where it runs: the driver needs no torch."""
    from trainables.trial import run_trial

    return run_trial(config, resume_from=resume_from)


class Worker(tune.Trainable):  # type: ignore[misc]
    """step() = the next report of the trial; the last has done = True, and the actor stays.

    A result's `record` is what MLflow is to know of the step; `items`, of the first and the last
    report, a Parquet table of what was found item by item; `failure`, why the trial has failed;
    `disk_full`, what stops the sweep until there is room, and is no failure of the trial.
    """

    _reports: Any = None
    _error: Exception | None = None

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
        if self._error is not None:
            raise self._error  # it has been told why; the process is not used again
        try:
            if self._reports is None:
                self._reports = self._begin(self._given["number"], self._given["trial"])
            result: dict[str, Any] = next(self._reports)
        except StorageTrouble as error:  # no fault of the trial: as if the process had died
            self._error = error
            raise
        except Exception as error:
            self._error = error
            if full := disk.full_disk_in(error):
                return {"disk_full": str(full), "progress": 0.0, "done": False}
            return {"failure": f"{type(error).__name__}: {error}", "progress": 0.0, "done": False}
        if result["done"]:
            self.cleanup()
        return result

    def _begin(self, number: int, trial: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """All results of a trial."""
        try:
            config = TrialConfig.model_validate(trial)
        except ValidationError as error:
            found = (
                f"{dotted(fault.place)} {fault.sentence}".strip()
                for fault in faults(error, TrialConfig, trial)
            )
            failure = f"what was drawn is no trial: {' '.join(found)}"
            yield {"failure": failure, "progress": 1.0, "done": True}
            return
        declared = {metric.name for metric in config.metrics()}
        kept = self._assignment.stores.checkpoints
        name = checkpoint_name(number)
        with ExitStack() as open_:
            with _of_storage():
                resume_from = open_.enter_context(kept.read(name)) if kept else None
                said = resume_from and (resume_from / RESULT).read_text(encoding="utf-8")
            if said:
                yield json.loads(
                    said
                )  # it may not have come further than the process that wrote it
            watch = open_.enter_context(SystemMetrics()) if self._assignment.watched else None
            run_trial = self._assignment.run_trial
            reports = open_.enter_context(closing(run_trial(config, resume_from=resume_from)))
            for report in reports:
                failure = fault(report, declared)
                ended = bool(failure) or report.progress >= FULL
                result = {
                    **report.metrics,
                    "step": report.step,
                    "progress": report.progress,
                    "record": _record(report) | (watch.take() if watch else {}),
                    "failure": failure,
                    "done": ended,
                }
                if kept and not ended and report.step > 0:
                    with _of_storage(), kept.write(name) as folder:
                        report.save_state(folder)
                        (folder / RESULT).write_text(json.dumps(result), encoding="utf-8")
                if ended and not failure and (models := self._assignment.stores.models):
                    with _of_storage(), models.write(model_name(number)) as folder:
                        report.save_model(folder)
                if report.step == 0 or ended:
                    result["items"] = _items(report)
                yield result
                if ended:
                    return


def _record(report: Report) -> dict[str, float]:
    """The finite metrics, their errors, and by `progress` that the step was reported at all."""
    finite = {name: value for name, value in report.metrics.items() if math.isfinite(value)}
    errors = {error_name(name): se for name, se in report.errors.items()}
    return finite | errors | {Series.PROGRESS: report.progress}


def _items(report: Report) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, Artifact.ITEMS)
        report.save_items(file)
        return file.read_bytes() if file.exists() else b""
