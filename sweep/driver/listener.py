"""The driver's side of control requests: poll the run's tags for them, and write a heartbeat."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from analysis.record.names import Tag
from sweep.tracking.entries import now
from sweep.tracking.requests import Requests

if TYPE_CHECKING:
    from sweep.tracking.mlflow_record import Record

LISTEN_EVERY_S = 1.0
BEAT_EVERY_S = 15.0


class Listener:
    """Hears requests for as long as it is open, and writes that the driver lives.

    asked: what was requested when MLflow last answered.
    """

    def __init__(self, record: Record) -> None:
        self._record = record
        self.asked = Requests()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="listener", daemon=True)

    def __enter__(self) -> Self:
        self._record.tag({Tag.ALIVE: str(now())})
        self.asked = Requests.of(self._record.tags())
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def _listen(self) -> None:
        beat = now()
        while not self._ended.wait(LISTEN_EVERY_S):
            try:
                self.asked = Requests.of(self._record.tags())
                if now() - beat >= BEAT_EVERY_S * 1000:
                    beat = now()
                    self._record.tag({Tag.ALIVE: str(beat)})
            except Exception:  # the delivery says what is wrong with MLflow
                continue
