"""Read the requests of users from the tags of a sweep's run, and write that its driver is alive."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from analysis.record.names import Tag
from sweep.tracking.control_requests import Requests
from sweep.tracking.entries.kinds import now

if TYPE_CHECKING:
    from sweep.tracking.mlflow_record import Record

LISTEN_EVERY_S = 1.0
BEAT_EVERY_S = 15.0


class Listener:
    """A context manager: a thread reads the requests every second, and writes a heartbeat.

    requests: those that MLflow held when it last answered.
    """

    def __init__(self, record: Record) -> None:
        self._record = record
        self.requests = Requests()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="listener", daemon=True)

    def __enter__(self) -> Self:
        """Write the first heartbeat, read the requests once, and start the thread."""
        self._record.set_tags({Tag.ALIVE: str(now())})
        self.requests = Requests.from_tags(self._record.tags())
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End the thread at its next turn."""
        self._closed.set()

    def _listen(self) -> None:
        """Read requests and write heartbeats until closed, whether or not MLflow answers."""
        last_beat = now()
        while not self._closed.wait(LISTEN_EVERY_S):
            try:
                self.requests = Requests.from_tags(self._record.tags())
                if now() - last_beat >= BEAT_EVERY_S * 1000:
                    last_beat = now()
                    self._record.set_tags({Tag.ALIVE: str(last_beat)})
            except Exception:  # the delivery tells the user what is wrong with MLflow
                continue
