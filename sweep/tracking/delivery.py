"""What the outbox holds, brought to MLflow in order by a thread that does not give up."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.record.names import Artifact
from sweep.tracking.entries import Attached, Closed, Entry, Opened, Reported, Tagged, Trial
from sweep.tracking.outbox import Outbox

if TYPE_CHECKING:
    from sweep.tracking.mlflow_record import Record

log = logging.getLogger(__name__)

MAX_BATCH = 500
MAX_PAUSE_S = 5.0
SILENT_S = 2.0  # before it is said that MLflow is waited for
MAX_REQUEST_S = 5.0  # that is waited for when all else has ended
# What MLflow answers to that which it would refuse for ever.
REFUSALS = {
    "BAD_REQUEST",
    "INVALID_PARAMETER_VALUE",
    "INVALID_STATE",
    "MALFORMED_REQUEST",
    "RESOURCE_ALREADY_EXISTS",
    "RESOURCE_DOES_NOT_EXIST",
}


class Delivery:
    """Delivers for as long as it is open; the sweep goes on whatever becomes of MLflow.

    Attributes:
        trouble: why what waits is not delivered now, or nothing.
    """

    def __init__(self, record: Record, outbox: Outbox) -> None:
        self._record = record
        self._outbox = outbox
        self.trouble = ""
        self._ended = threading.Event()
        self._wanted = threading.Event()
        self._thread = threading.Thread(target=self._work, name="delivery", daemon=True)

    def __enter__(self) -> Delivery:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._wanted.set()
        self._thread.join(MAX_REQUEST_S)  # one to a server that hangs may be left alone

    def wait(self, seconds: float) -> bool:
        """Until all is delivered, but no longer than this while MLflow takes nothing; whether it is."""
        taken, deadline, said = -1, 0.0, False
        while not self._outbox.is_delivered:
            self._wanted.set()
            slow = not self.trouble and seconds  # a large file, or a request that has yet to fail
            if slow or self._outbox.delivered > taken:
                taken, deadline = self._outbox.delivered, time.monotonic() + seconds
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            if self.trouble and not said and left < seconds - SILENT_S:
                said = True
                log.warning("waiting %.0f s for MLflow, which takes nothing now", left)
            time.sleep(0.05)
        return True

    def _work(self) -> None:
        pause = 0.0
        while not self._ended.is_set():
            try:
                moved = deliver(self._record, self._outbox)
            except Exception as error:  # of MLflow, of the network, of a database
                pause = min(MAX_PAUSE_S, max(0.5, 2 * pause))
                self.trouble = f"{type(error).__name__}: {error}".splitlines()[0]
                self._ended.wait(pause)
                continue
            pause, self.trouble = 0.0, ""
            if not moved:
                self._wanted.wait(0.5)
                self._wanted.clear()


def deliver(record: Record, outbox: Outbox) -> int:
    """One batch of entries; how many.

    Raises:
        Exception: whatever MLflow raises when it cannot be reached; nothing is ticked off then.
    """
    entries, end = outbox.waiting(MAX_BATCH)
    runs: dict[Trial, list[Entry]] = {}
    for entry in entries:
        runs.setdefault(entry.trial, []).append(entry)
    for trial, of_it in sorted(runs.items(), key=lambda run: run[0] is None):  # which ends last
        _deliver_to(record, outbox, trial, of_it)
    if entries:
        outbox.mark_delivered(end, entries)
    return len(entries)


def _deliver_to(record: Record, outbox: Outbox, trial: Trial, entries: Sequence[Entry]) -> None:
    from mlflow.exceptions import MlflowException

    try:
        _write(record, outbox, trial, entries)
    except MlflowException as error:
        if error.error_code not in REFUSALS:
            raise
        if len(entries) > 1:
            for entry in entries:
                _deliver_to(record, outbox, trial, [entry])
            return
        outbox.refuse(entries[0], str(error))
        log.warning("MLflow refuses an entry of trial %s: %s", trial, error)


def _write(record: Record, outbox: Outbox, trial: Trial, entries: Sequence[Entry]) -> None:
    """Entries of one run; what comes together goes in one request."""
    run_id = record.run_of(trial, next((e for e in entries if isinstance(e, Opened)), None))
    reports: list[Reported] = []
    params: dict[str, str] = {}
    tags: dict[str, str] = {}

    def flush() -> None:
        record.log_batch(run_id, reports, params, tags)
        for gathered in (reports, params, tags):
            gathered.clear()

    for entry in entries:
        match entry:
            case Opened():
                flush()
                record.reopen(run_id)
                params |= entry.params
                tags |= entry.tags
                if entry.yaml:
                    record.attach_text(run_id, entry.yaml, Artifact.TRIAL)
                record.use(run_id, entry.inputs)
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
                record.end(run_id, entry.status, entry.at)
    flush()
