"""Send the entries of the outbox to MLflow in order, on a thread that retries until they are taken."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from analysis.record.names import Artifact, Tag
from sweep.tracking.batch import Batch, Patience
from sweep.tracking.entries.kinds import (
    Attached,
    Closed,
    Entry,
    Opened,
    Reported,
    Tagged,
    Trial,
    contents,
)
from sweep.tracking.outbox import Outbox
from sweep.tracking.refused import REFUSED
from sweep.tracking.store import errors as store_errors

if TYPE_CHECKING:
    from sweep.tracking.mlflow_record import Record

log = logging.getLogger(__name__)

MAX_BATCH = 500  # entries
MAX_PAUSE_S = 5.0  # between two attempts
WARN_AFTER_S = 2.0  # of waiting for an MLflow that is away
MAX_REQUEST_S = 5.0  # that a request under way may take when the delivery is closed


@dataclass
class Sending:
    """What an attempt to send leaves to the next.

    batch: the entries under way.
    patience: with some that are refused.
    deleted: trials whose runs a user has deleted since the delivery began, and which are left alone.
    """

    batch: Batch = field(default_factory=Batch)
    patience: Patience = field(default_factory=Patience)
    deleted: set[Trial] = field(default_factory=set)


class Delivery:
    """A context manager: a thread sends the entries of an outbox to MLflow until it is closed.

    The sweep goes on whether or not MLflow can be reached.

    Attributes:
        trouble: why the last attempt failed, in a line; empty if it did not.
    """

    def __init__(self, record: Record, outbox: Outbox) -> None:
        self._record = record
        self._outbox = outbox
        self._sending = Sending()
        self.trouble = ""
        self._closed = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._work, name="delivery", daemon=True)

    def __enter__(self) -> Delivery:
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End the thread, or leave it alone if its request takes more than MAX_REQUEST_S."""
        self._closed.set()
        self._wake.set()
        self._thread.join(MAX_REQUEST_S)

    def wait(self, seconds: float) -> bool:
        """Block until every entry is delivered; give up after `seconds` in which MLflow took none.

        As long as no attempt has failed, the time does not run: a large file may take longer. Nor does
        it while a single entry fails, which is set aside before long.

        Returns:
            Whether every entry is delivered.
        """
        num_bytes, deadline, has_warned, began = -1, 0.0, False, time.monotonic()
        while not self._outbox.is_delivered:
            self._wake.set()
            name = self._sending.patience.waits_for
            if name and not has_warned and time.monotonic() - began > WARN_AFTER_S:
                has_warned = True
                log.warning("waiting for MLflow, which takes all but %s (%s)", name, self.trouble)
            under_way = (not self.trouble or name) and seconds
            if under_way or self._outbox.num_bytes_delivered > num_bytes:
                num_bytes = self._outbox.num_bytes_delivered
                deadline = time.monotonic() + seconds
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return False
            if self.trouble and not has_warned and left_s < seconds - WARN_AFTER_S:
                has_warned = True
                log.warning("waiting %.0f s for MLflow, which takes nothing now", left_s)
            time.sleep(0.05)
        return True

    def _work(self) -> None:
        """Deliver batches until closed; pause after a failure and while there is nothing to deliver."""
        pause_s = 0.0
        while not self._closed.is_set():
            try:
                num_delivered = deliver_batch(self._record, self._outbox, self._sending)
            except Exception as error:  # of MLflow, of the network, of a database
                pause_s = min(MAX_PAUSE_S, max(0.5, 2 * pause_s))
                self.trouble = f"{type(error).__name__}: {store_errors.reason(error)}"
                self._closed.wait(pause_s)
                continue
            pause_s, self.trouble = 0.0, ""
            if not num_delivered:
                self._wake.wait(0.5)
                self._wake.clear()


def deliver_batch(record: Record, outbox: Outbox, sending: Sending | None = None) -> int:
    """Send the next entries to MLflow, at most MAX_BATCH, and return their number.

    Entries that MLflow refuses while it takes others are set aside. Those that it would refuse every
    time are at once, and files also if they are refused for who asks, as `sweep sync` tries them again;
    others when the patience is over.

    Raises:
        Exception: MLflow cannot be reached, or refuses everything, or an entry for now; all of the
            batch then still counts as undelivered.
    """
    sending = sending or Sending()
    if not sending.batch.entries:
        sending.batch = Batch(*outbox.next_entries(MAX_BATCH))
    batch, patience = sending.batch, sending.patience
    by_trial: dict[Trial, list[Entry]] = {}
    for entry in batch.entries:
        by_trial.setdefault(entry.trial, []).append(entry)
    # The sweep's own run (None) is last: it ends after its trials.
    for trial in sorted(by_trial, key=lambda trial: trial is None):
        _deliver_run(record, outbox, trial, by_trial[trial], sending)
    patience.is_tried, patience.waits_for = bool(patience.failing_since), ""
    if batch.end > outbox.num_bytes_delivered:
        outbox.mark_delivered(batch.end, batch.with_parts())
    sending.batch = Batch()
    return len(batch.entries)


def _deliver_run(
    record: Record, outbox: Outbox, trial: Trial, entries: Sequence[Entry], sending: Sending
) -> None:
    """Send entries of one run; set aside the smallest part of them that MLflow refuses.

    If it refuses them while it takes others, each half of them is sent by itself.

    Raises:
        Exception: as of `deliver_batch`.
    """
    batch, patience = sending.batch, sending.patience
    entries = batch.left_of(entries)
    if not entries:
        return
    if trial in sending.deleted or trial in record.deleted_trials():
        batch.settle(entries)
        return
    has_run = False
    try:
        run_id = _run_id(record, trial, entries)
        has_run = True
        _write(record, outbox, run_id, entries)
        patience.renew(entries)
        batch.settle(entries)
        return
    except Exception as error:  # of MLflow, of the network, of a database, of a bucket
        is_lasting = store_errors.is_lasting(error)
        is_known = is_lasting or store_errors.is_of_login(error)
        is_single = is_lasting or (has_run and (is_known or patience.is_tried))
        if not is_single or not _takes_others(record):
            patience.is_tried, patience.waits_for = True, ""
            raise
        smaller = batch.divided(entries, outbox.files)
        first = entries[0]
        is_refused = is_lasting or (is_known and isinstance(first, Attached))
        if not (smaller or is_refused or patience.is_over(first)):
            patience.waits_for = _named(outbox, first)
            raise
        reason = store_errors.reason(error)
    # Outside of the handler, so that an error below does not count as one that followed from this.
    if is_lasting and record.has_deleted_run(trial):
        sending.deleted.add(trial)
        log.warning("the run of trial %s was deleted in MLflow, which records it no more", trial)
        batch.settle(entries)
        return
    for part in smaller:
        _deliver_run(record, outbox, trial, part, sending)
    if not smaller:
        batch.settle([first])
        if outbox.set_aside(first, reason):
            log.warning(
                "MLflow refuses %s (%s); the rest is delivered", _named(outbox, first), reason
            )


def _run_id(record: Record, trial: Trial, entries: Sequence[Entry]) -> str:
    """Return the id of the run of a trial, which is created unless there is one."""
    opened = next((entry for entry in entries if isinstance(entry, Opened)), None)
    return record.run_id_of(trial, opened)


def _takes_others(record: Record) -> bool:
    """Return whether MLflow takes a request that changes nothing, so that it is not the store."""
    try:
        record.set_tags({Tag.NAME: record.sweep})
    except Exception:
        return False
    return True


def _named(outbox: Outbox, entry: Entry) -> str:
    """Return an entry in words, with where it stays."""
    run = "the sweep" if entry.trial is None else f"trial {entry.trial}"
    if isinstance(entry, Attached):
        return f"a file of {run}, which stays at {outbox.files / entry.file}"
    names = [name for content in contents(entry).values() for name in content]
    return f"{', '.join(names) or entry.do} of {run}, which stays in {outbox.folder / REFUSED}"


def _write(record: Record, outbox: Outbox, run_id: str, entries: Sequence[Entry]) -> None:
    """Write entries of one run in their order; neighbouring metrics and tags share a request."""
    reports: list[Reported] = []
    params: dict[str, str] = {}
    tags: dict[str, str] = {}

    def flush() -> None:
        record.log_batch(run_id, reports, params, tags)
        for collection in (reports, params, tags):
            collection.clear()

    for entry in entries:
        match entry:
            case Opened():
                flush()
                record.reopen(run_id)
                params |= entry.params
                tags |= entry.tags
                if entry.yaml:
                    record.attach_text(run_id, entry.yaml, Artifact.TRIAL)
                record.log_inputs(run_id, entry.inputs)
            case Reported():
                reports.append(entry)
            case Tagged():
                tags |= entry.tags
            case Attached():
                path = outbox.files / entry.file
                if path.exists():  # else it was delivered before a kill
                    record.attach(run_id, path, entry.to)
            case Closed():
                tags |= entry.tags
                flush()
                record.end_run(run_id, entry.status, entry.at)
    flush()
