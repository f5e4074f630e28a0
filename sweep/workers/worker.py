"""What one Ray actor does: trial after trial, warm, each report recorded before Tune hears of it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray import tune

from analysis.record.names import Artifact
from sweep.workers import disk
from sweep.workers.checkpoints import CheckpointStores, checkpoint_name, model_name
from sweep.workers.result import FAULT, FULL, Attachment, TrialResult
from sweep.workers.system_metrics import SystemMetrics
from trainables.config import TrialConfig
from trainables.report import fault

if TYPE_CHECKING:
    from trainables.report import Report

RESULT = "result.json"  # in a checkpoint: the result of the report at which it was written

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
    """Each step() is the next report of the trial, as a TrialResult; after the last the actor stays."""

    _results: Generator[TrialResult] | None = None
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
        if self._results is not None:
            self._results.close()
            self._results = None

    def step(self) -> dict[str, Any]:
        if self._error is not None:
            raise self._error  # the trial's failure was reported; the process is not used again
        try:
            if self._results is None:
                self._results = self._run(self._given["number"], self._given["trial"])
            result = next(self._results)
        except StorageTrouble as error:  # no fault of the trial: as if the process had died
            self._error = error
            raise
        except Exception as error:
            self._error = error
            if full := disk.full_disk_in(error):
                return TrialResult(disk_full=str(full)).for_tune()
            return TrialResult(failure=f"{type(error).__name__}: {error}").for_tune()
        if result.done:
            self.cleanup()
        return result.for_tune()

    def _run(self, number: int, trial: dict[str, Any]) -> Generator[TrialResult]:
        """Yield every result of a trial, from its last checkpoint on if there is one."""
        if fault_of_draw := self._given.get(FAULT):
            yield TrialResult(progress=1.0, failure=fault_of_draw, done=True)
            return
        config = TrialConfig.model_validate(trial)
        declared = {metric.name for metric in config.metrics()}
        checkpoints, models = self._assignment.stores.checkpoints, self._assignment.stores.models
        name = checkpoint_name(number)
        with ExitStack() as stack:
            with _of_storage():
                resume_from = stack.enter_context(checkpoints.read(name)) if checkpoints else None
                last = resume_from and (resume_from / RESULT).read_text(encoding="utf-8")
            if last:  # the process that wrote it may have died before anyone was told
                yield TrialResult.from_json(last)
            watch = stack.enter_context(SystemMetrics()) if self._assignment.watched else None
            reports = self._assignment.run_trial(config, resume_from=resume_from)
            for report in stack.enter_context(closing(reports)):
                failure = fault(report, declared)
                done = bool(failure) or report.progress >= FULL
                result = TrialResult(
                    step=report.step,
                    progress=report.progress,
                    metrics=report.metrics,
                    errors=report.errors,
                    machine=watch.take() if watch else {},
                    failure=failure,
                    done=done,
                    items=Attachment(_items(report) if report.step == 0 or done else b""),
                )
                if checkpoints and not done and report.step > 0:
                    with _of_storage(), checkpoints.write(name) as folder:
                        report.save_state(folder)
                        (folder / RESULT).write_text(result.to_json(), encoding="utf-8")
                if models and done and not failure:
                    with _of_storage(), models.write(model_name(number)) as folder:
                        report.save_model(folder)
                yield result
                if done:
                    return


def _items(report: Report) -> bytes:
    """Return what was measured item by item, as a Parquet file; nothing if there is none."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, Artifact.ITEMS)
        report.save_items(file)
        return file.read_bytes() if file.exists() else b""
