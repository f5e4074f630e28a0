"""Deliver entries to MLflow that a sweep could not, because MLflow was away as the sweep ended."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, chdir
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.record.names import Artifact, digests_in
from sweep import workspace
from sweep.config import preflight
from sweep.config.check import load
from sweep.config.spec import SweepSpec
from sweep.driver.earlier.copied_folder import warn_of_copy
from sweep.driver.earlier.older_search import refuse_older_folder
from sweep.driver.lock import only_driver
from sweep.driver.running_sweep import CannotRun, RunningSweep, wait_until_delivered
from sweep.search.mending import left_lost, record_lost
from sweep.tracking import mlflow_record, sweeps
from sweep.tracking.delivery import Delivery
from sweep.tracking.entries.kinds import Attached
from sweep.tracking.journal.entries import entries_of
from sweep.tracking.older_store import deliver_again, restore_files
from sweep.tracking.outbox import Outbox
from sweep.tracking.provenance.beginning import beginning, beginning_of, is_whole
from sweep.tracking.refused import num_refused
from sweep.tracking.store import addresses, preparing
from sweep.tracking.whole_file import DamagedFile
from sweep.workers.checkpoints import CheckpointStores
from trainables.schema.text.addresses import HIDDEN
from trainables.schema.yaml_file import Document

if TYPE_CHECKING:
    from optuna import Study

    from sweep.search.lost_results import LostResult

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Synced:
    """What `sync` has done.

    num_delivered: number of entries that MLflow has taken.
    num_refused: number of entries that MLflow has refused, which stay aside.
    has_ended: whether the sweep has ended.
    gone: files of the record that the new store lacks, because a lost one had taken them.
    lost: numbers of trials that have lost results, now or earlier, and that nobody has retried.
    is_compared: whether the record was compared with the search, by which lost results are found.
    """

    num_delivered: int
    num_refused: int
    has_ended: bool
    gone: Sequence[str] = ()
    lost: Sequence[int] = ()
    is_compared: bool = True


def sync(
    name: str,
    *,
    tracking_uri: str | None = None,
    on_delivered: Callable[[RunningSweep], None] | None = None,
) -> Synced:
    """Deliver to MLflow the entries that are left of a sweep that does not run any more.

    Files that MLflow has refused are tried again. A store that does not know the sweep, or lacks trials
    or files that it had taken, gets every entry: its own store was lost, or an old copy was put back.
    Files that the lost store had taken are gone.

    name: of the sweep.
    tracking_uri: address of the store; None is the store in which the sweep was recorded.
    on_delivered: called once all entries are delivered, if there were any; may add to the record.

    Raises:
        addresses.BadAddress: the tracking store is still away, or refuses everything.
        CannotRun: the sweep runs, its store has lost it, its folder is an older copy than its record,
            or the store does not take all entries.
        preflight.DoNotFit: the journal, of an early release, does not say what models and data the
            sweep began with, and they are not what the spec takes them for.
    """
    uri = addresses.absolute(tracking_uri) if tracking_uri else workspace.tracking_uri(name)
    workspace.keep_home()
    with (
        only_driver(workspace.folder(name)),
        addresses.refusing_outage(uri, f"`sweep sync {name}`"),
    ):
        is_lost = tracking_uri is None and preparing.is_new_file(uri)
        if not is_lost:  # a refusal makes no file
            preparing.prepare_store(uri)
        outbox = Outbox(workspace.outbox(name))
        spec, document = load(workspace.spec(name))
        record = None if is_lost else sweeps.find_sweep(uri, name)
        study = _study_of(spec)
        gone: list[Attached] = []
        if record is None:
            if tracking_uri is None:
                raise CannotRun(
                    f"no sweep named {name!r} is recorded in the tracking store any more: name the "
                    f"store that everything is to be delivered to with --tracking-uri."
                )
            record, gone = _open_anew(name, spec, document, uri, outbox)
        else:
            with record.reading_once():
                if study:  # an old copy would write over the record
                    refuse_older_folder(name, study, record.trial_runs())
                has_lost_files = restore_files(record, spec, document.text)
                gone = deliver_again(record, outbox, has_lost_files=has_lost_files)
        warn_of_copy(record)
        outbox.put_back()
        num_waiting, num_aside = outbox.num_waiting, num_refused(outbox.folder)
        with Delivery(record, outbox) as delivery:
            wait_until_delivered(delivery, name)
            losses = _lost_results(study, record, spec, outbox) if study else []
            if losses:
                from sweep.tracking.recorder import AlreadyRecorded, Recorder

                already_recorded = AlreadyRecorded.from_record(record, None)
                record_lost(losses, Recorder(spec, outbox, already_recorded, CheckpointStores()))
                wait_until_delivered(delivery, name)
            if on_delivered and num_waiting:
                metrics = spec.metrics()
                goals = {goal: metrics[goal] for goal in spec.goals}
                with ExitStack() as stack:
                    running = RunningSweep(
                        spec, record, goals, [], lambda: spec.num_trials, outbox, delivery, stack
                    )
                    on_delivered(running)
                wait_until_delivered(delivery, name)
        if (
            tracking_uri
        ):  # not before: where it does not take everything, the sweep stays where it was
            workspace.remember_tracking_uri(name, uri)
        num_left = num_refused(outbox.folder)
        # The front has been drawn anew.
        lost = [entry for entry in gone if entry.to != Artifact.FRONT]
        names = [f"{_run(entry)}/{Path(entry.file).name}" for entry in lost]
        num_delivered = max(0, num_waiting - (num_left - num_aside))
        return Synced(
            num_delivered,
            num_left,
            record.has_ended(),
            names,
            left_lost(record),
            study is not None,
        )


def _study_of(spec: SweepSpec) -> Study | None:
    """Return the study of the newest version of a sweep's search space; None if it cannot be read.

    The reason is logged.
    """
    from sweep.search.study import has_study, open_study
    from sweep.search.versions import latest_version

    storage = workspace.search_storage(spec.name)
    if HIDDEN in str(storage):  # its password is in the environment, or not here
        given = os.environ.get("OPTUNA_STORAGE", "")
        if addresses.masked_address(given) != storage:
            log.warning(
                "whether results of %s were lost is not known: OPTUNA_STORAGE must be the address of "
                "its search with its password, %s",
                spec.name, storage,
            )  # fmt: skip
            return None
        storage = given
    try:
        if has_study(storage, spec.name):
            study, _ = latest_version(open_study(storage, spec))
            return study
        log.warning(
            "whether results of %s were lost is not known: its search is not in %s any more",
            spec.name, addresses.masked_address(storage),
        )  # fmt: skip
    except (addresses.BadAddress, DamagedFile) as error:
        log.warning("%s", error)
    return None


def _lost_results(
    study: Study, record: mlflow_record.Record, spec: SweepSpec, outbox: Outbox
) -> list[LostResult]:
    """Return what the record lacks of trials that the search knows."""
    from sweep.search.lost_results import lost_results, must_have_items

    runs = record.trial_runs()
    must_have = must_have_items(record, outbox, runs)
    return lost_results(study, spec, runs, must_have, deleted=record.deleted_trials())


def _run(entry: Attached) -> str:
    """Return the run of an entry in a word."""
    return "sweep" if entry.trial is None else f"trial {entry.trial}"


def _open_anew(
    name: str, spec: SweepSpec, document: Document, tracking_uri: str, outbox: Outbox
) -> tuple[mlflow_record.Record, list[Attached]]:
    """Open the record of a sweep in a new store, and mark every entry as undelivered.

    It needs neither models nor data, unless the journal is of an early release.

    Returns:
        The record, and the entries whose files are gone.
    """
    with chdir(workspace.start_folder(name)):
        began = beginning_of(entries_of(outbox.folder))
        if not is_whole(began):
            log.warning(
                "the journal of %s should say which models, data and packages it began with, but does "
                "not, as those of early releases: today's are recorded, unchecked",
                name,
            )
            began = beginning(spec, preflight.prepare(spec, document)) | began
        # Before the record is opened: a later sync that finds it would not deliver the entries again.
        gone = outbox.mark_all_undelivered()
        artifacts = workspace.artifact_location(tracking_uri, name)
        digests = digests_in(began)
        record = sweeps.open_sweep(
            tracking_uri, spec, document.text, digests, artifacts, began=began
        )
    return record, gone
