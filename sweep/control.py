"""The driver's side of sweep/asked.py: what is asked is heard and done, and that it lives is said."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ray
from ray.tune import Callback
from ray.tune.experiment import Trial

from analysis.record_names import Tag
from sweep.asked import Asked
from sweep.outbox import now

if TYPE_CHECKING:
    from sweep.tracking import Record

LISTEN_EVERY_S = 1.0
BEAT_EVERY_S = 15.0


class Control:
    """Hears what is asked for as long as it is open, and says that the driver lives.

    While MLflow is away, what was heard last holds.
    """

    def __init__(self, record: Record) -> None:
        self._record = record
        self.asked = Asked()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="control", daemon=True)

    def __enter__(self) -> Control:
        self._record.tag({Tag.ALIVE: str(now())})
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
                    self._record.tag({Tag.ALIVE: str(beat)})
            except Exception:  # the delivery says what is wrong with MLflow
                continue


class Untold(RuntimeError):
    """How a trial ended could not be told to the search, or written down."""


class Obey(Callback):  # type: ignore[misc]
    """A ray.tune Callback that ends what is to end."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self.is_interrupted = False
        self._trouble: Exception | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks."""
        return {}

    def asked(self) -> Asked:
        """Of the search; an interrupt ends it as well, and trouble."""
        asked = self._control.asked
        ends = self.is_interrupted or self._trouble is not None
        return replace(asked, wish="cancel") if ends else asked

    def fail(self, trouble: Exception) -> None:
        """End the sweep for a reason that Tune would have swallowed where it came up."""
        if self._trouble is None:
            said = f"{type(trouble).__name__}: {trouble}".splitlines()[0]
            self._trouble = Untold(f"how a trial ended could not be kept ({said})")
            self._trouble.__cause__ = trouble

    def raise_trouble(self) -> None:
        if self._trouble is not None:
            raise self._trouble

    def setup(self, **_: Any) -> None:
        """Tune hears its own interrupt between steps only, and a step may wait for a trial to come."""
        of_tune = signal.getsignal(signal.SIGINT)

        def interrupt(*which: Any) -> None:
            self.is_interrupted = True
            if callable(of_tune):
                of_tune(*which)

        if threading.current_thread() is threading.main_thread() and callable(of_tune):
            signal.signal(signal.SIGINT, interrupt)

    def on_step_begin(self, iteration: int, trials: list[Trial], **_: Any) -> None:
        self.raise_trouble()
        asked = self._control.asked
        if asked.wish == "cancel" and not self.is_interrupted:
            signal.raise_signal(signal.SIGINT)  # Tune takes it for a reason to end in good order
        for trial in trials if asked.cancelled else ():
            actor = trial.temporary_state.ray_actor
            if trial.config["number"] in asked.cancelled and actor is not None:
                trial.max_failures = 0
                ray.kill(actor)


@contextmanager
def interrupts_as_before() -> Iterator[None]:
    """Whatever handles Ctrl-C within: Tune leaves its own handler behind."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, before)
