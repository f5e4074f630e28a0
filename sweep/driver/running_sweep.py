"""What the parts of the driver share: a running sweep, why one cannot run or has stopped, and a wait.

The wait is here, and not beside Delivery, because its error is one of the driver.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
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


class Undelivered(CannotRun):
    """MLflow does not take entries that are left of a sweep."""


@dataclass(frozen=True)
class RunningSweep:
    """A sweep whose trials are about to run, for the callbacks that show its progress.

    goals: the metric of each goal, by its name.
    earlier_outcomes: outcomes of the trials that ended before this process began.
    num_trials: returns the number of all trials, which grows with those that are tried again.
    while_trials_run: a stack of context managers. It is closed once no trial runs any more, while
        the record can still be written.
    new_outcomes: outcomes of the trials that have ended in this process, by their numbers. That of a
        trial is here before callbacks are told that it has ended, unless it could not be saved.
    """

    spec: SweepSpec
    record: Record
    goals: dict[str, Metric]
    earlier_outcomes: list[Outcome]
    num_trials: Callable[[], int]
    outbox: Outbox
    delivery: Delivery
    while_trials_run: ExitStack
    new_outcomes: Mapping[int, Outcome] = field(default_factory=dict)


# A function that the driver calls once, when the trials are about to run. It returns callbacks for Ray
# Tune, such as those that show the progress.
OnStart = Callable[[RunningSweep], "list[Callback]"]


class Stopped(Exception):
    """A sweep was cancelled, or kept from going on; `sweep resume` runs what is left of it.

    state: the state that is recorded of the sweep.
    why: the reason in words, for a user to read.
    """

    def __init__(self, state: Literal["cancelled", "interrupted"], why: str) -> None:
        super().__init__(why)
        self.state = state
        self.why = why


def wait_until_delivered(delivery: Delivery, name: str) -> None:
    """Block until MLflow has every entry of the outbox of a sweep.

    name: of the sweep, for the message.

    Raises:
        Undelivered: MLflow took nothing for PATIENCE_S seconds.
    """
    if not delivery.wait(PATIENCE_S):
        raise Undelivered(
            f"MLflow must take the entries that are left of {name}, but does not: {delivery.trouble}"
        )
