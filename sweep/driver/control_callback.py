"""A ray.tune Callback that carries out requests to a running sweep, and ends one that must end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ray
from ray.tune import Callback
from ray.tune.experiment import Trial

from sweep.driver.interrupts import TuneInterrupt
from sweep.driver.listener import Listener
from sweep.tracking.control_requests import Requests
from sweep.trial_request import TrialRequest
from trainables.schema.text.shown import kind_and_line


class OutcomeNotKept(RuntimeError):
    """The outcome of a trial could not be written to Optuna's storage, or not to the outbox."""


class ControlCallback(Callback):  # type: ignore[misc]
    """Ends single trials that users cancel, and the whole run on Ctrl-C, cancel or an error.

    error: the first error because of which an outcome could not be saved; None if there was none.
    has_cancelled: whether the run was ended because a user cancelled the sweep.
    """

    def __init__(self, listener: Listener, interrupt: TuneInterrupt) -> None:
        self.listener = listener
        self.interrupt = interrupt
        self.error: OutcomeNotKept | None = None
        self.has_cancelled = False

    def __getstate__(self) -> dict[str, Any]:
        """Return no state: Tune pickles its callbacks."""
        return {}

    def requests(self) -> Requests:
        """Return the requests that the search must obey: Ctrl-C and an error cancel the sweep too."""
        requests = self.listener.requests
        must_end = self.interrupt.is_set or self.error is not None
        return replace(requests, request="cancel") if must_end else requests

    def stop_for(self, error: Exception) -> None:
        """Have the sweep end because of an error, which Tune would swallow where it was raised."""
        if self.error is None:
            message = kind_and_line(error)
            self.error = OutcomeNotKept(f"the outcome of a trial could not be saved ({message})")
            self.error.__cause__ = error

    def raise_error(self) -> None:
        """Raise OutcomeNotKept if there was an error."""
        if self.error is not None:
            raise self.error

    def setup(self, **_: Any) -> None:
        """Install our handler of Ctrl-C; Tune calls this after it has installed its own."""
        self.interrupt.wrap_handler()

    def on_step_begin(self, iteration: int, trials: list[Trial], **_: Any) -> None:
        """Carry out the requests; Tune calls this before each of its steps.

        Raises:
            OutcomeNotKept: there was an error. Tune then ends the run.
        """
        self.raise_error()
        requests = self.listener.requests
        if requests.request == "cancel" and not self.interrupt.is_set:
            self.has_cancelled = True
            self.interrupt.end_run()
        for trial in trials if requests.cancelled_trials else ():
            actor = trial.temporary_state.ray_actor
            number = TrialRequest.of(trial.config).number
            if number in requests.cancelled_trials and actor is not None:
                trial.max_failures = 0
                ray.kill(actor)
