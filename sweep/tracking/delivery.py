"""Send the entries of the outbox to MLflow in order, on a thread that retries until they are taken."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.record.names import Artifact
from sweep.tracking.outbox import Outbox
from sweep.tracking.outbox_entries import Attached, Closed, Entry, Opened, Reported, Tagged, Trial

if TYPE_CHECKING:
    from sweep.tracking.mlflow_record import Record

log = logging.getLogger(__name__)

MAX_BATCH = 500  # entries
MAX_PAUSE_S = 5.0  # between two attempts
WARN_AFTER_S = 2.0  # of waiting for an MLflow that is away
MAX_REQUEST_S = 5.0  # that a request under way may take when the delivery is closed
# Error codes of MLflow for requests that it would refuse every time.
REFUSALS = {
    "BAD_REQUEST",
    "INVALID_PARAMETER_VALUE",
    "INVALID_STATE",
    "MALFORMED_REQUEST",
    "RESOURCE_ALREADY_EXISTS",
    "RESOURCE_DOES_NOT_EXIST",
}


class Delivery:
    """A context manager: a thread sends the entries of an outbox to MLflow until it is closed.

    The sweep goes on whether or not MLflow can be reached.

    Attributes:
        trouble: why the last attempt failed, in a line; empty if it did not.
    """

    def __init__(self, record: Record, outbox: Outbox) -> None:
        self._record = record
        self._outbox = outbox
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

        As long as no attempt has failed, the time does not run: a large file may take longer.

        Returns:
            Whether every entry is delivered.
        """
        num_bytes, deadline, has_warned = -1, 0.0, False
        while not self._outbox.is_delivered:
            self._wake.set()
            under_way = not self.trouble and seconds
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
                num_delivered = deliver_batch(self._record, self._outbox)
            except Exception as error:  # of MLflow, of the network, of a database
                pause_s = min(MAX_PAUSE_S, max(0.5, 2 * pause_s))
                self.trouble = f"{type(error).__name__}: {error}".splitlines()[0]
                self._closed.wait(pause_s)
                continue
            pause_s, self.trouble = 0.0, ""
            if not num_delivered:
                self._wake.wait(0.5)
                self._wake.clear()


def deliver_batch(record: Record, outbox: Outbox) -> int:
    """Send the next entries to MLflow, at most MAX_BATCH, and return their number.

    Raises:
        Exception: MLflow cannot be reached; all of the batch then still counts as undelivered.
    """
    entries, end = outbox.next_entries(MAX_BATCH)
    by_trial: dict[Trial, list[Entry]] = {}
    for entry in entries:
        by_trial.setdefault(entry.trial, []).append(entry)
    # The sweep's own run (None) is last: it ends after its trials.
    for trial in sorted(by_trial, key=lambda trial: trial is None):
        _deliver_run(record, outbox, trial, by_trial[trial])
    if entries:
        outbox.mark_delivered(end, entries)
    return len(entries)


def _deliver_run(record: Record, outbox: Outbox, trial: Trial, entries: Sequence[Entry]) -> None:
    """Send entries of one run; set aside those that MLflow refuses for good.

    If it refuses something among several entries, each is sent by itself.
    """
    from mlflow.exceptions import MlflowException

    try:
        _write(record, outbox, trial, entries)
    except MlflowException as error:
        if error.error_code not in REFUSALS:
            raise
        if len(entries) > 1:
            for entry in entries:
                _deliver_run(record, outbox, trial, [entry])
            return
        outbox.set_aside(entries[0], str(error))
        log.warning("MLflow refuses an entry of trial %s: %s", trial, error)


def _write(record: Record, outbox: Outbox, trial: Trial, entries: Sequence[Entry]) -> None:
    """Write entries of one run in their order; neighbouring metrics and tags share a request."""
    opened = next((entry for entry in entries if isinstance(entry, Opened)), None)
    run_id = record.run_id_of(trial, opened)
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
