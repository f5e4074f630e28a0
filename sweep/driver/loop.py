"""Run a sweep from its first trial to its end, and close its record whatever stops it."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sweep import workspace
from sweep.driver.running import PATIENCE_S, CannotRun, OnStart, RunningSweep, Stopped, deliver_all
from sweep.tracking import addresses
from sweep.tracking.delivery import Delivery
from sweep.tracking.entries import Status
from sweep.tracking.outbox import Outbox
from sweep.workers import disk

if TYPE_CHECKING:
    from optuna import Study
    from ray.tune import Callback

    from sweep.config.spec import SweepSpec
    from sweep.driver.control_callback import ControlCallback
    from sweep.search.searcher import ParetoSearch
    from sweep.tracking.mlflow_record import Record
    from sweep.workers.checkpoints import CheckpointStores
    from sweep.workers.worker import RunTrial


@dataclass(frozen=True)
class Job:
    """A sweep that is recorded and may run.

    text: the spec as it was typed.
    search_storage: the path of Optuna's journal, or the address of its database.
    num_at_once: number of trials that run at the same time.
    """

    spec: SweepSpec
    text: str
    record: Record
    search_storage: Path | str
    stores: CheckpointStores
    num_at_once: int


def run_to_end(job: Job, on_start: OnStart | None, run_trial: RunTrial | None) -> None:
    """Run the trials that have not ended, and close the record of the sweep whatever stops it.

    Raises:
        CannotRun: MLflow does not take what an earlier process has left, or the search storage is
            not as that process left it.
        Stopped: the sweep was cancelled, the disk is full, or an outcome could not be kept.
        KeyboardInterrupt: Ctrl-C.
    """
    from sweep.driver.control_callback import ControlCallback
    from sweep.driver.interrupts import TuneInterrupt
    from sweep.driver.listener import Listener
    from sweep.driver.retries import NoRetry
    from sweep.search.searcher import ParetoSearch
    from sweep.search.study import outcomes
    from sweep.tracking.recorder import AlreadyRecorded, Recorder

    spec, record = job.spec, job.record
    metrics = spec.metrics()
    goals = {goal: metrics[goal] for goal in spec.goals}
    outbox = Outbox(workspace.folder(spec.name) / "record")
    with Delivery(record, outbox) as delivery, ExitStack() as until_delivered:
        deliver_all(delivery, spec.name)  # what an earlier process has left
        study, version = _open_search(job)
        recorder = Recorder(spec, outbox, AlreadyRecorded.of(record, version), job.stores)
        control = ControlCallback(Listener(record), TuneInterrupt())
        record.reopen(record.run_id)
        status: Status = "KILLED"
        state, patience_s = "interrupted", PATIENCE_S
        try:
            until_delivered.enter_context(control.listener)
            recorder.settle(outcomes(study), record.trials())
            delivery.wait(PATIENCE_S)
            search = ParetoSearch(
                spec, study, metrics, recorder.close, control.requests, control.fail
            )
            with ExitStack() as while_trials_run:
                running = RunningSweep(
                    spec, record, goals, outcomes(study), lambda: search.num_trials,
                    outbox, delivery, while_trials_run,
                )  # fmt: skip
                callbacks = [recorder, NoRetry(), *(on_start(running) if on_start else [])]
                _run_trials(job, search, control, callbacks, run_trial)
            status, state = _end(search, study, control)
        except Stopped as stopped:
            state = stopped.state
            raise
        except Exception as error:
            cause = control.trouble or error  # whatever was raised after the trouble is due to it
            if disk.full_disk_in(cause):
                patience_s = 0.0  # a store on the same disk takes nothing either
            if stopped_by := _stopped_by(cause):
                raise stopped_by from cause
            raise
        finally:
            with suppress(OSError):  # where not even this can be written, resuming does it
                recorder.close_sweep(status, state)
            delivery.wait(patience_s)


def _open_search(job: Job) -> tuple[Study, int]:
    """Return the study of the newest version of the search space, and the number of that version.

    Raises:
        CannotRun: MLflow knows ended trials that Optuna does not. Optuna is told first, so its
            storage must be an old copy, and the trials would run twice.
    """
    from sweep.search.study import open_study, outcomes
    from sweep.search.versions import newest_version

    record = job.record
    study, version = newest_version(open_study(job.search_storage, job.spec), job.spec.trial)
    if lost := sorted(record.ended() - {ending.number for ending in outcomes(study)}):
        raise CannotRun(
            f"{addresses.shown(job.search_storage)} must hold the search of {record.sweep} as it was "
            f"left, but does not know that {'trials' if len(lost) > 1 else 'trial'} "
            f"{', '.join(map(str, lost))} ended: put the latest copy back, or start anew with "
            f"--replace."
        )
    record.keep_version(version, job.text)
    return study, version


def _run_trials(
    job: Job,
    search: ParetoSearch,
    control: ControlCallback,
    callbacks: list[Callback],
    run_trial: RunTrial | None,
) -> None:
    from sweep.driver import tuner
    from sweep.driver.retries import count_each_death_once
    from sweep.workers.worker import Assignment, real_trial

    if not search.num_to_run:
        return
    assignment = Assignment(
        run_trial or real_trial, stores=job.stores, with_system_metrics=run_trial is None
    )
    with control.interrupt, count_each_death_once(search.on_death):
        tuner.build(job.spec, search, job.num_at_once, [control, *callbacks], assignment).fit()
    control.raise_trouble()


def _end(search: ParetoSearch, study: Study, control: ControlCallback) -> tuple[Status, str]:
    """Return the status and the state to record of a sweep whose trials run no more.

    Raises:
        Stopped: it was cancelled.
        KeyboardInterrupt: Ctrl-C, after which Tune returns as if the sweep had ended.
    """
    from sweep.search.study import outcomes

    wish = control.listener.asked.wish
    ends_early = wish == "stop" or search.out_of_time
    if search.num_left and wish == "cancel":
        raise Stopped("cancelled", "cancelled")
    if search.num_left and (control.interrupt.is_set or not ends_early):
        raise KeyboardInterrupt
    any_complete = any(ending.state == "complete" for ending in outcomes(study))
    status: Status = "FINISHED" if any_complete else "FAILED"
    return status, "stopped" if search.num_left and wish == "stop" else status.lower()


def _stopped_by(cause: Exception) -> Stopped | None:
    """Return how a sweep stops that ends by this exception, or None if it is an error of ours."""
    from sweep.driver.control_callback import OutcomeNotKept

    if full := disk.full_disk_in(cause):
        return Stopped("interrupted", f"the disk is full ({full}): make room")
    if isinstance(cause, OutcomeNotKept):
        return Stopped("interrupted", str(cause))
    return None
