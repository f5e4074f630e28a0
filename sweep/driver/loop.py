"""Run the trials of a sweep that have not ended, and close its record whatever stops it.

The steps, and what mends at the next start what a kill behind them has left:

1. Refuse a search that is an older copy than the record. Nothing is written before.
2. Complete the journal; have a store that is an older copy get all entries again.
3. Deliver the entries that an earlier process has left.
4. Refuse a search that disagrees with the record; see which results the record has lost.
5. Note that a driver is alive, and open the run of the sweep again.
6. Record the ends of trials that were left open, and what is left of lost ones.
7. Run trials. The search is told first that one has ended, then the journal, then MLflow: what the
   journal lacks 6 records, and what MLflow lacks 3 delivers.
8. Record the end of the sweep; 3 delivers it if MLflow is away.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.record.names import SweepState, Tag, trial_in
from sweep import workspace
from sweep.driver.earlier.older_search import refuse_older_search
from sweep.driver.ending import end_of, stopped_by
from sweep.driver.running_sweep import (
    PATIENCE_S,
    CannotRun,
    OnStart,
    RunningSweep,
    Stopped,
    wait_until_delivered,
)
from sweep.search.mending import left_lost, lost_sentence, record_lost
from sweep.tracking.control_requests import rerun_trials
from sweep.tracking.delivery import Delivery
from sweep.tracking.entries.kinds import Status, Tagged, now
from sweep.tracking.older_store import deliver_again, lacks_base_items
from sweep.tracking.outbox import Outbox
from sweep.tracking.provenance.beginning import remember_beginning
from sweep.tracking.store import addresses
from sweep.workers import disk
from trainables.harness import folder as tasks_folder

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from optuna import Study
    from ray.tune import Callback

    from sweep.config.spec import SweepSpec
    from sweep.driver.control_callback import ControlCallback
    from sweep.outcome import Outcome
    from sweep.search.lost_results import LostResult
    from sweep.search.searcher import ParetoSearch
    from sweep.tracking.control_requests import Rerun
    from sweep.tracking.mlflow_record import Record
    from sweep.tracking.recorder import Recorder
    from sweep.workers.assignment import RunTrial
    from sweep.workers.checkpoints import CheckpointStores


@dataclass(frozen=True)
class PreparedSweep:
    """A sweep whose record is open, and which nothing keeps from running.

    text: the spec as the user typed it.
    search_storage: the path of Optuna's journal, or the address of its database.
    stores: where workers keep checkpoints and models.
    num_at_once: number of trials that run at the same time.
    digests: name of each model and data set -> its sha256, which must stay.
    reruns: if given, it runs these, and what users have requested before, and nothing else.
    on_cluster: whether Ray runs on more than this machine, or may.
    """

    spec: SweepSpec
    text: str
    record: Record
    search_storage: Path | str
    stores: CheckpointStores
    num_at_once: int
    digests: Mapping[str, str]
    reruns: frozenset[Rerun] | None = None
    on_cluster: bool = False


def run_to_end(
    prepared: PreparedSweep, on_start: OnStart | None, run_trial: RunTrial | None
) -> None:
    """Run the trials that have not ended, and close the record of the sweep whatever stops it.

    on_start: called once when the trials are about to run; returns further callbacks for Ray Tune.
    run_trial: what a worker runs instead of trainables.trial.run_trial, for tests and benchmarks.

    Raises:
        CannotRun: MLflow does not take the entries that an earlier process has left, or the search
            storage is not as that process left it.
        Stopped: the sweep was cancelled, its run ended early, the disk is full, or an outcome could
            not be saved.
        KeyboardInterrupt: Ctrl-C.
    """
    from sweep.driver.control_callback import ControlCallback
    from sweep.driver.interrupts import TuneInterrupt
    from sweep.driver.listener import Listener
    from sweep.driver.retries import NoRetry
    from sweep.search.searcher import ParetoSearch
    from sweep.search.study import open_study, outcomes
    from sweep.search.versions import latest_version
    from sweep.tracking.recorder import AlreadyRecorded, Recorder

    spec, record = prepared.spec, prepared.record
    metrics = spec.metrics()
    goals = {goal: metrics[goal] for goal in spec.goals}
    outbox = Outbox(workspace.outbox(spec.name))
    # Before anything is delivered: an old copy of the sweep's folder would write over the record.
    first_study = open_study(prepared.search_storage, spec)
    earlier_study, _ = latest_version(first_study)
    with record.reading_once():
        refuse_older_search(spec.name, prepared.search_storage, earlier_study, record.trial_runs())
        remember_beginning(record, outbox)
        # Before the delivery begins, which writes the same mark.
        deliver_again(record, outbox)
    with Delivery(record, outbox) as delivery, ExitStack() as until_delivered:
        wait_until_delivered(delivery, spec.name)  # entries of an earlier process
        with record.reading_once():
            study, version, losses = _open_version(prepared, first_study, outbox)
            already_recorded = AlreadyRecorded.from_record(record, version)
        if lacks_base_items(record, outbox):
            already_recorded = replace(already_recorded, has_base=False)
        recorder = Recorder(spec, outbox, already_recorded, prepared.stores)
        control = ControlCallback(Listener(record), TuneInterrupt())
        # Before the run is open again: to a later start it tells that the sweep's end is not there as a
        # driver took it back, and not as the store is an old copy (sweep/tracking/entries/lacking.py).
        outbox.put(Tagged(trial=None, tags={Tag.ALIVE: str(now())}))
        wait_until_delivered(delivery, spec.name)
        record.reopen(record.run_id)
        if prepared.reruns:  # not before, so that nothing is requested of a sweep that is refused
            rerun_trials(record, prepared.reruns)
        status: Status = "KILLED"
        state: str = SweepState.INTERRUPTED
        patience_s = PATIENCE_S
        try:
            until_delivered.enter_context(control.listener)
            _close_earlier(record, recorder, losses, outcomes(study))
            delivery.wait(PATIENCE_S)
            # MLflow may not have those of this start yet.
            newly_lost = {loss.outcome.number for loss in losses if loss.lacks}
            with record.reading_once():
                lost_trials = newly_lost | {*record.lost_trials()}
                left = newly_lost | {*left_lost(record)}
            if not_retried := sorted(left - control.listener.requests.retried_trials):
                log.warning("%s", lost_sentence(spec.name, not_retried))
            new_outcomes: dict[int, Outcome] = {}

            def on_end(outcome: Outcome) -> None:
                recorder.close_trial(outcome)
                new_outcomes[outcome.number] = outcome

            search = ParetoSearch(
                spec, study, metrics, on_end, control.requests, control.stop_for,
                only_requested=prepared.reruns is not None, lost=lost_trials,
            )  # fmt: skip
            with ExitStack() as while_trials_run:
                running = RunningSweep(
                    spec, record, goals, outcomes(study), lambda: search.num_trials,
                    outbox, delivery, while_trials_run, new_outcomes,
                )  # fmt: skip
                callbacks = [recorder, NoRetry(), *(on_start(running) if on_start else [])]
                _run_trials(prepared, search, control, callbacks, run_trial)
            status, state = end_of(search, study, control)
        except Stopped as stopped:
            state = stopped.state
            raise
        except Exception as error:
            cause = control.error or error  # errors after control.error follow from it
            if disk.full_disk_in(cause):
                patience_s = 0.0  # a store on the same disk takes nothing either
            if stop := stopped_by(cause):
                raise stop from cause
            raise
        finally:
            with suppress(OSError):  # where not even this can be written, resuming does it
                recorder.close_sweep(status, state)
            delivery.wait(patience_s)


def _open_version(
    prepared: PreparedSweep, first_study: Study, outbox: Outbox
) -> tuple[Study, int, list[LostResult]]:
    """Return the study of the spec's version of the search space, its number, and lost results.

    first_study: that of the first version.

    Raises:
        CannotRun: MLflow knows ended trials that Optuna does not, or knows them otherwise. Optuna is
            told first, so its storage must be an old copy, by which the trials would run twice, or was
            changed.
    """
    from sweep.search.agreement import first_difference
    from sweep.search.lost_results import lost_results, must_have_items
    from sweep.search.versions import version_for

    record, spec = prepared.record, prepared.spec
    study, version = version_for(spec.trial, first_study)
    runs = record.trial_runs()
    # Once more: what was delivered since may have told of further ends.
    refuse_older_search(spec.name, prepared.search_storage, study, runs)
    must_have = must_have_items(record, outbox, runs)
    deleted = record.deleted_trials()
    losses = lost_results(study, spec, runs, must_have, deleted=deleted)
    incomplete = {loss.outcome.number for loss in losses if loss.lacks}
    whole_runs = [run for run in runs if trial_in(run.data.tags) not in incomplete]
    if difference := first_difference(study, spec, whole_runs):
        number, clause = difference
        raise CannotRun(
            f"{addresses.masked_address(prepared.search_storage)} must hold the search of "
            f"{record.sweep} as its trials ended, but trial {number} {clause}: put an intact copy "
            f"back, or start anew with --replace."
        )
    record.log_spec_version(version, prepared.text)
    return study, version, losses


def _close_earlier(
    record: Record, recorder: Recorder, losses: Sequence[LostResult], outcomes: Iterable[Outcome]
) -> None:
    """Record the ends of trials that an earlier process has left open, and what is left of lost ones.

    losses: the trials of which the record lacks something.
    outcomes: of all trials that have ended, as Optuna knows them.
    """
    record_lost(losses, recorder)
    recorded = {loss.outcome.number for loss in losses}
    recorder.close_earlier_trials(
        [outcome for outcome in outcomes if outcome.number not in recorded],
        [run for run in record.trial_runs() if trial_in(run.data.tags) not in recorded],
    )


def _run_trials(
    prepared: PreparedSweep,
    search: ParetoSearch,
    control: ControlCallback,
    callbacks: list[Callback],
    run_trial: RunTrial | None,
) -> None:
    """Run trials under Ray Tune until the search has no more, or the run is ended.

    Raises:
        OutcomeNotKept: the outcome of a trial could not be saved.
    """
    from sweep.driver import tuner
    from sweep.driver.cluster.ended_trials import forgetting_ended_trials
    from sweep.driver.cluster.idle_workers import ending_idle_workers
    from sweep.driver.retries import count_each_death_once
    from sweep.workers.assignment import Assignment, real_trial
    from sweep.workers.carrying import carrier

    if not search.num_to_run:
        return
    inputs = {name.partition(".")[2]: digest for name, digest in prepared.digests.items()}
    assignment = Assignment(
        run_trial or real_trial,
        stores=prepared.stores,
        with_system_metrics=run_trial is None,
        harness_tasks=tasks_folder.current_path(),
        digests=prepared.digests,
        num_processes=prepared.spec.resources.workers_per_trial,
        gpus_per_process=prepared.spec.resources.gpus_per_process,
        carrier=carrier.start(inputs) if prepared.on_cluster else None,
    )
    with (
        control.interrupt,
        count_each_death_once(search.on_death, assignment.num_processes),
        forgetting_ended_trials(),
        ending_idle_workers(),
    ):
        tuner.build(
            prepared.spec, search, prepared.num_at_once, [control, *callbacks], assignment
        ).fit()
    control.raise_error()
