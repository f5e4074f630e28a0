"""The Ray actor that runs trials, one after another in the same warm process."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray import tune

from analysis.record.names import Artifact
from sweep.trial_request import TrialRequest
from sweep.workers import disk
from sweep.workers.checkpoints import CheckpointStores, DamagedFolder, folder_name
from sweep.workers.foreign_groups import leave_foreign_groups
from sweep.workers.result import FULL_PROGRESS, Attachment, TrialResult, pack_training
from sweep.workers.storage_trouble import (
    StorageTrouble,
    in_words,
    is_trouble,
    masked_reason,
    storage_errors,
)
from sweep.workers.system_metrics import SystemMetrics
from sweep.workers.unchanged import InputChanged, while_unchanged
from trainables.config import TrialConfig
from trainables.harness import folder as tasks_folder
from trainables.report import fault
from trainables.training.unusable import UnusableCheckpoint

if TYPE_CHECKING:
    from trainables.report import Report

RESULT_FILE = "result.json"  # in a checkpoint: the result of the report at which it was written

RunTrial = Callable[..., "Generator[Report]"]


class TrialFailed(RuntimeError):
    """A trial has raised an exception, which was reported as its failure."""


@dataclass(frozen=True)
class Assignment:
    """The settings of a worker that all trials of a sweep have in common.

    run_trial:   trainables.trial.run_trial, or another generator of reports for tests and benchmarks.
    folder:      where the sweep was started, so that a relative path means the same in a worker.
    stores:      where the state of running trials is kept, and finished models are left for the record.
    with_system_metrics: whether each result says how busy the machine was, too.
    harness_tasks: the folder of tasks that the command line has named; every node must have it.
    digests:     name of a model or a data set -> the sha256 with which the sweep began; None for
                 trials of no sweep, whose models and data may change.
    """

    run_trial: RunTrial
    folder: Path = field(default_factory=Path.cwd)
    stores: CheckpointStores = field(default_factory=CheckpointStores)
    with_system_metrics: bool = False
    harness_tasks: Path | None = None
    digests: Mapping[str, str] | None = None


def real_trial(config: TrialConfig, *, resume_from: Path | None = None) -> Generator[Report]:
    """Return the reports of trainables.trial.run_trial.

    It is imported at the call, in a worker, so that the driver needs no torch.

    resume_from: a folder with the state of the trial, or None to start at its first step.
    """
    from trainables.trial import run_trial

    return run_trial(config, resume_from=resume_from)


class Worker(tune.Trainable):  # type: ignore[misc]
    """A ray.tune Trainable of which each step() returns the next report of a trial, as a TrialResult.

    After the last report of a trial the actor stays, and takes another trial by reset_config. A
    configuration is that of a TrialRequest.
    """

    _results: Generator[TrialResult] | None = None
    _error: Exception | None = None
    _anew = ""  # why the trial has begun anew, until a report says it

    def setup(self, config: dict[str, Any], assignment: Assignment) -> None:
        """Leave the process groups of other programs, change into the sweep's folder, take a trial."""
        leave_foreign_groups()
        self._assignment = assignment
        if assignment.folder.is_dir():  # not on another machine
            os.chdir(assignment.folder)
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take another trial in the same process, and return True.

        The trial only begins with its first step: Tune may set up an actor for a trial and then give
        that trial to another actor that has become free.
        """
        self.cleanup()
        self._request, self._anew = TrialRequest.of(new_config), ""
        return True

    def cleanup(self) -> None:
        """Close the trial that runs, if there is one, which undoes its changes to the model."""
        if self._results is not None:
            self._results.close()
            self._results = None

    def step(self) -> dict[str, Any]:
        """Return the next result of the trial, as the mapping that Tune expects.

        An exception of the trial is returned as a result with its failure, or with the full disk. The
        step after that raises, so that Tune does not use this process again.

        Raises:
            TrialFailed: the trial has failed in the step before.
            StorageTrouble: checkpoints, models or data cannot be read or written. It is no fault of
                the trial, which Tune tries again as if its process had died.
        """
        if self._error is not None:
            raise self._error
        try:
            if self._results is None:
                self._results = self._run(self._request)
            result = next(self._results)
        except StorageTrouble as error:
            self._error = error
            raise
        except Exception as error:
            self._error = TrialFailed(in_words(error))
            if full_disk := disk.full_disk_in(error):
                return TrialResult(disk_full=str(full_disk)).for_tune()
            return TrialResult(failure=in_words(error)).for_tune()
        if result.done:
            self.cleanup()
        return result.for_tune()

    def _run(self, request: TrialRequest) -> Generator[TrialResult]:
        """Yield the results of a trial, up to its last or to its failure.

        Where there is a checkpoint, its result comes first and the trial goes on from there. One that
        cannot be used is deleted: the trial begins anew.
        """
        if request.fault:
            yield TrialResult(progress=1.0, failure=request.fault, done=True)
            return
        if self._assignment.harness_tasks is not None:
            self._use_tasks(self._assignment.harness_tasks)
        config = TrialConfig.model_validate(request.trial)
        declared = {metric.name for metric in config.metrics()}
        with ExitStack() as stack:
            resume_from, last = self._checkpoint(stack)
            if last:  # the process that wrote it may have died before the driver got it
                yield last
            watched = self._assignment.with_system_metrics
            watch = stack.enter_context(SystemMetrics()) if watched else None
            try:
                for report in stack.enter_context(closing(self._reports(config, resume_from))):
                    result = replace(_result(report, declared, watch), anew=self._anew)
                    self._anew = ""
                    self._store(request.number, report, result)
                    yield result
                    if result.done:
                        return
            except InputChanged as changed:  # the process is sound, and takes the next trial
                yield TrialResult(
                    failure=masked_reason(str(changed)), input_changed=True, done=True
                )

    def _checkpoint(self, stack: ExitStack) -> tuple[Path | None, TrialResult | None]:
        """Return the folder of the trial's checkpoint, and the result in it; None without one.

        stack: at its end the folder may go.

        Raises:
            StorageTrouble: it cannot be read now.
        """
        checkpoints = self._assignment.stores.checkpoints
        if not checkpoints:
            return None, None
        with storage_errors():
            try:
                folder = stack.enter_context(checkpoints.read(folder_name(self._request.number)))
                return folder, _last_result(folder) if folder else None
            except DamagedFolder as error:
                self._forget_checkpoint(error)
        return None, None

    def _reports(self, config: TrialConfig, resume_from: Path | None) -> Generator[Report]:
        """Yield the reports of a trial, from its checkpoint on; from its start if that is unusable."""
        run_trial, digests = self._assignment.run_trial, self._assignment.digests
        try:
            reports = run_trial(config, resume_from=resume_from)
            yield from while_unchanged(reports, config, digests)
            return
        except UnusableCheckpoint as error:
            with storage_errors():
                self._forget_checkpoint(error)
        yield from while_unchanged(run_trial(config, resume_from=None), config, digests)

    def _forget_checkpoint(self, why: Exception) -> None:
        """Delete the checkpoint of the trial; the next report says that it began anew, and why."""
        checkpoints, name = self._assignment.stores.checkpoints, folder_name(self._request.number)
        assert checkpoints is not None
        checkpoints.delete(name)
        place = f"its checkpoint in {checkpoints.url}/{name}"
        self._anew = masked_reason(f"{place} cannot be used: {why}")

    def _use_tasks(self, folder: Path) -> None:
        """Let tasks be found in the folder that the command line has named.

        Raises:
            ValueError: this machine does not have it.
            StorageTrouble: it cannot be read now.
        """
        try:
            tasks_folder.use(folder)
        except OSError as error:
            if is_trouble(error):
                with storage_errors():  # a full disk ends the sweep
                    raise
            raise

    def _store(self, number: int, report: Report, result: TrialResult) -> None:
        """Write the checkpoint of a trial that goes on, or the model of one that is complete.

        Only the stores of the assignment are written. Step 0 needs no checkpoint.
        """
        stores = self._assignment.stores
        if stores.checkpoints and not result.done and report.step > 0:
            name = folder_name(number)
            with storage_errors(), stores.checkpoints.write(name) as folder:
                report.save_state(folder)
                (folder / RESULT_FILE).write_text(result.to_json(), encoding="utf-8")
        if stores.models and result.done and not result.failure:
            with storage_errors(), stores.models.write(folder_name(number)) as folder:
                report.save_model(folder)


def _last_result(folder: Path) -> TrialResult:
    """Return the result in the folder of a checkpoint.

    Raises:
        DamagedFolder: it is not there, or is not as it was written.
    """
    try:
        return TrialResult.from_json((folder / RESULT_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError, ValueError) as error:
        problem = "it is not there" if isinstance(error, OSError) else error
        raise DamagedFolder(
            f"{RESULT_FILE} must be the result with which it was written, but {problem}"
        ) from None


def _result(report: Report, declared: set[str], watch: SystemMetrics | None) -> TrialResult:
    """Return a report as a result; it is the last one if the trial is complete or has failed.

    declared: names of the metrics that each report must have, or the trial has failed.
    watch:    whose means since the last report go with the result.
    """
    failure = fault(report, declared)
    done = bool(failure) or report.progress >= FULL_PROGRESS
    return TrialResult(
        step=report.step,
        progress=report.progress,
        metrics=report.metrics,
        errors=report.errors,
        df=report.df,
        machine=watch.take() if watch else {},
        failure=failure,
        done=done,
        items=Attachment(_items(report) if report.step == 0 or done else b""),
        training=pack_training(report.training),
    )


def _items(report: Report) -> bytes:
    """Return the results of a report item by item, as a Parquet file; no bytes if there are none."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, Artifact.ITEMS)
        report.save_items(file)
        return file.read_bytes() if file.exists() else b""
