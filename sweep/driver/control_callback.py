"""A ray.tune Callback that does what was requested of a running sweep, and ends one that must end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ray
from ray.tune import Callback
from ray.tune.experiment import Trial

from sweep.driver.interrupts import TuneInterrupt
from sweep.driver.listener import Listener
from sweep.tracking.requests import Requests


class OutcomeNotKept(RuntimeError):
    """How a trial ended could not be told to the search, or written down for the record."""


class ControlCallback(Callback):  # type: ignore[misc]
    """Ends single trials that are to be cancelled, and the whole run on Ctrl-C, cancel or trouble.

    trouble: what kept the outcome of a trial from being kept, if anything did.
    """

    def __init__(self, listener: Listener, interrupt: TuneInterrupt) -> None:
        self.listener = listener
        self.interrupt = interrupt
        self.trouble: OutcomeNotKept | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks."""
        return {}

    def requests(self) -> Requests:
        """Return what the search must know of requests: Ctrl-C and trouble cancel the sweep too."""
        ends = self.interrupt.is_set or self.trouble is not None
        return replace(self.listener.asked, wish="cancel") if ends else self.listener.asked

    def fail(self, error: Exception) -> None:
        """End the sweep for an error that Tune would swallow where it came up."""
        if self.trouble is None:
            message = f"{type(error).__name__}: {error}".splitlines()[0]
            self.trouble = OutcomeNotKept(f"how a trial ended could not be kept ({message})")
            self.trouble.__cause__ = error

    def raise_trouble(self) -> None:
        """Raise OutcomeNotKept if there was trouble."""
        if self.trouble is not None:
            raise self.trouble

    def setup(self, **_: Any) -> None:
        self.interrupt.wrap_handler()

    def on_step_begin(self, iteration: int, trials: list[Trial], **_: Any) -> None:
        self.raise_trouble()
        asked = self.listener.asked
        if asked.wish == "cancel":
            self.interrupt.end_run()
        for trial in trials if asked.cancelled else ():
            actor = trial.temporary_state.ray_actor
            if trial.config["number"] in asked.cancelled and actor is not None:
                trial.max_failures = 0
                ray.kill(actor)
