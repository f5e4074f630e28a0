"""A sweep while its trials run, as the parts of the driver share it; why it cannot run, or stopped."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ray.tune import Callback

    from sweep.config.spec import SweepSpec
    from sweep.outcome import Outcome
    from sweep.tracking.delivery import Delivery
    from sweep.tracking.mlflow_record import Record
    from sweep.tracking.outbox import Outbox
    from trainables.metrics.metric import Metric


PATIENCE_S = 60.0  # with an MLflow that is away as a sweep begins or ends


class CannotRun(ValueError):
    """The sweep cannot be started, resumed or delivered as things are."""


@dataclass(frozen=True)
class RunningSweep:
    """A sweep whose trials are about to run, for those who show how it goes.

    ended: the trials that had ended before this process began.
    num_trials: returns the number of all trials, which grows with those that are tried again.
    while_trials_run: a context manager that is entered here is left once no trial runs any more; the
        record is still open then.
    """

    spec: SweepSpec
    record: Record
    goals: dict[str, Metric]
    ended: list[Outcome]
    num_trials: Callable[[], int]
    outbox: Outbox
    delivery: Delivery
    while_trials_run: ExitStack


# Called as trials are about to run; returns the callbacks of Ray Tune that show how it goes.
OnStart = Callable[[RunningSweep], "list[Callback]"]


def deliver_all(delivery: Delivery, name: str) -> None:
    """Wait until MLflow has all that is to be recorded of a sweep.

    Raises:
        CannotRun: MLflow does not take it.
    """
    if not delivery.wait(PATIENCE_S):
        raise CannotRun(f"what {name} has still to record cannot be: {delivery.trouble}")


class Stopped(Exception):
    """A sweep was cancelled, or kept from going on; `sweep resume` runs what is left of it.

    state: the state that is recorded of the sweep.
    why: the reason in words, for a user to read.
    """

    def __init__(self, state: Literal["cancelled", "interrupted"], why: str) -> None:
        super().__init__(why)
        self.state = state
        self.why = why
