"""The Ray actor that runs trials, one after another in the same warm process."""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray import tune

from analysis.record.names import Artifact
from sweep.trial_request import TrialRequest
from sweep.workers import disk, memory
from sweep.workers.checkpoints import DamagedFolder, folder_name
from sweep.workers.foreign_groups import leave_foreign_groups
from sweep.workers.ranks import Group, ProcessDied
from sweep.workers.result import FULL_PROGRESS, Attachment, TrialResult, pack_training
from sweep.workers.storage_trouble import StorageTrouble, in_words, masked_reason, storage_errors
from sweep.workers.system_metrics import SystemMetrics
from sweep.workers.unchanged import InputChanged, while_unchanged
from trainables.config import TrialConfig
from trainables.report import fault
from trainables.training.unusable import UnusableCheckpoint

if TYPE_CHECKING:
    from sweep.workers.assignment import Assignment
    from trainables.report import Report

RESULT_FILE = "result.json"  # in a checkpoint: the result of the report at which it was written


class TrialFailed(RuntimeError):
    """A trial has raised an exception, which was reported as its failure."""


class Worker(tune.Trainable):  # type: ignore[misc]
    """A ray.tune Trainable of which each step() returns the next report of a trial, as a TrialResult.

    After the last report of a trial the actor stays, and takes another trial by reset_config. A
    configuration is that of a TrialRequest.
    """

    _results: Generator[TrialResult] | None = None
    _error: Exception | None = None
    _group: Group | None = None
    _anew = ""  # why the trial has begun anew, until a report says it

    def setup(self, config: dict[str, Any], assignment: Assignment) -> None:
        """Leave foreign groups, change into the sweep's folder, start other processes, take a trial."""
        is_group = assignment.num_processes > 1
        leave_foreign_groups(keep_network=is_group)
        self._assignment = assignment
        assignment.enter()
        memory.limit_memory(assignment.gpus_per_process)
        if is_group:
            self._group = Group(assignment)
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
            is_sound = self._error is None  # else the other processes have ended
            with self._together("end") if is_sound else nullcontext():
                self._results.close()
                self._results = None

    def step(self) -> dict[str, Any]:
        """Return the next result of the trial, as the mapping that Tune expects.

        An exception of the trial is returned as a result with its failure, or with the full disk. The
        step after that raises, so that Tune does not use this process again.

        Raises:
            TrialFailed: the trial has failed in the step before.
            ProcessDied: one of the trial's other processes has died.
            NotEnoughMemory: there is too little for the trial, which is tried again in halves.
            StorageTrouble: checkpoints, models or data cannot be read or written. This and the two
                before are no fault of the trial, which Tune tries again as if its process had died.
        """
        if self._error is not None:
            raise self._error
        try:
            if self._results is None:
                self._results = self._run(self._request)
            result = next(self._results)
        except (StorageTrouble, ProcessDied) as error:
            self._error = error
            raise
        except Exception as error:
            self._error = TrialFailed(in_words(error))
            if full_disk := disk.full_disk_in(error):
                return TrialResult(disk_full=str(full_disk)).for_tune()
            failure = in_words(error)
            if memory.memory_error_in(error):
                failure = self._memory_failure(failure)
            return TrialResult(failure=failure).for_tune()
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
        self._assignment.use_tasks()
        config = TrialConfig.model_validate(request.trial)
        if request.in_halves:
            config = memory.in_halves(config, self._assignment.num_processes) or config
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
            except InputChanged as changed:
                is_sound = self._group is None  # then the process takes the next trial
                if not is_sound:
                    self._error = TrialFailed(in_words(changed))
                yield TrialResult(
                    failure=masked_reason(str(changed)), input_changed=True, done=is_sound
                )

    def _memory_failure(self, problem: str) -> str:
        """Return the reason of a trial that failed for a lack of memory.

        problem: what the library says.

        Raises:
            NotEnoughMemory: it is to be tried again in halves.
        """
        num_processes = self._assignment.num_processes
        config = TrialConfig.model_validate(self._request.trial)
        half = memory.in_halves(config, num_processes)
        if half is None or self._request.in_halves:
            device, is_second = memory.device_words(), self._request.in_halves
            reason = memory.what_would_fit(
                half or config, num_processes, is_second=is_second, device=device
            )
            return masked_reason(f"{reason} ({problem})")
        self._error = memory.NotEnoughMemory(problem)
        raise self._error from None

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
        """Yield the reports of a trial, from its checkpoint on; from its start if that is unusable.

        Raises:
            StorageTrouble: several processes train the trial, and the checkpoint is unusable.
        """
        try:
            yield from self._reports_from(config, resume_from)
            return
        except UnusableCheckpoint as error:
            with storage_errors():
                self._forget_checkpoint(error)
        if self._group is not None:  # it has ended with the error
            raise StorageTrouble(self._anew)
        yield from self._reports_from(config, None)

    def _reports_from(self, config: TrialConfig, folder: Path | None) -> Generator[Report]:
        """Yield the reports of a trial from the checkpoint in a folder on, in all of its processes.

        folder: None to begin at its start.
        """
        given, request = self._assignment, self._request
        reports = given.run_trial(config, resume_from=folder)
        with closing(while_unchanged(reports, config, given.digests)) as watched:
            checkpoint = folder_name(request.number) if folder else None
            with self._together("begin", config.tree(), checkpoint):
                pass
            while True:
                with self._together("advance"):
                    report = next(watched, None)
                if report is None:
                    return
                yield report

    def _together(self, method: str, *arguments: Any) -> AbstractContextManager[None]:
        """Return a block in which the trial's other processes call a method of Rank, if it has any."""
        return self._group.together(method, *arguments) if self._group else nullcontext()

    def _forget_checkpoint(self, why: Exception) -> None:
        """Delete the checkpoint of the trial; the next report says that it began anew, and why."""
        checkpoints, name = self._assignment.stores.checkpoints, folder_name(self._request.number)
        assert checkpoints is not None
        checkpoints.delete(name)
        place = f"its checkpoint in {checkpoints.url}/{name}"
        self._anew = masked_reason(f"{place} cannot be used: {why}")

    def _store(self, number: int, report: Report, result: TrialResult) -> None:
        """Write the checkpoint of a trial that goes on, or the model of one that is complete.

        Only the stores of the assignment are written. Step 0 needs no checkpoint.
        """
        stores = self._assignment.stores
        if stores.checkpoints and not result.done and report.step > 0:
            name = folder_name(number)
            with storage_errors(), stores.checkpoints.write(name) as folder:
                with self._together("save_state"):
                    report.save_state(folder)
                (folder / RESULT_FILE).write_text(result.to_json(), encoding="utf-8")
        if stores.models and result.done and not result.failure:
            name = folder_name(number)
            with (
                storage_errors(),
                stores.models.write(name) as folder,
                self._together("save_model"),
            ):
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
