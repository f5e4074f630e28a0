"""The driver's side of sweep/asked.py: what is asked is heard and done, and that it lives is said."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ray
from ray.tune import Callback
from ray.tune.experiment import Trial

from sweep.asked import CANCEL_TRIALS, WISH, Asked
from sweep.outbox import now

if TYPE_CHECKING:
    from sweep.tracking import Record

ALIVE = "sweep.alive"  # milliseconds since 1970; analysis/runs.py holds it against the clock
LISTEN_EVERY_S = 1.0
BEAT_EVERY_S = 15.0


class Control:
    """Hears what is asked for as long as it is open, and says that the driver lives.

    What was asked of an earlier process is over, but for trials to be tried again. While MLflow is
    away, what was heard last holds.
    """

    def __init__(self, record: Record) -> None:
        self._record = record
        self.asked = Asked()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="control", daemon=True)

    def __enter__(self) -> Control:
        self._record.tag({WISH: "go", CANCEL_TRIALS: "", ALIVE: str(now())})
        self.asked = Asked.of(self._record.tags())
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def _listen(self) -> None:
        beat = now()
        while not self._ended.wait(LISTEN_EVERY_S):
            try:
                self.asked = Asked.of(self._record.tags())
                if now() - beat >= BEAT_EVERY_S * 1000:
                    beat = now()
                    self._record.tag({ALIVE: str(beat)})
            except Exception:  # the delivery says what is wrong with MLflow
                continue


class Obey(Callback):  # type: ignore[misc]
    """A ray.tune Callback that ends what is to end."""

    def __init__(self, asked: Callable[[], Asked]) -> None:
        self._asked = asked
        self._interrupted = False

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks."""
        return {}

    def on_step_begin(self, iteration: int, trials: list[Trial], **_: Any) -> None:
        asked = self._asked()
        if asked.wish == "cancel" and not self._interrupted:
            self._interrupted = True
            signal.raise_signal(signal.SIGINT)  # Tune takes it for a reason to end in good order
        for trial in trials if asked.cancelled else ():
            actor = trial.temporary_state.ray_actor
            if trial.config["number"] in asked.cancelled and actor is not None:
                trial.max_failures = 0
                ray.kill(actor)
