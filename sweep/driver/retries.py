"""Which trials are tried again: those whose process or node has died, and no others."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ray.air.execution._internal import RayActorManager
from ray.exceptions import RayActorError, RayError, RayTaskError
from ray.tune import Callback
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial

from sweep.workers.result import TrialResult

MAX_DEATHS = 3  # under one trial, before it is what kills them


class NoRetry(Callback):  # type: ignore[misc]
    """A ray.tune Callback: what a trial says of its own failure is the last of it."""

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks."""
        return {}

    def on_trial_result(
        self, iteration: int, trials: Any, trial: Any, result: dict[str, Any], **_: Any
    ) -> None:
        """Raises OSError, which ends the sweep, where a disk is full: all trials would fail."""
        reported = TrialResult.of(result)
        if reported and reported.disk_full:
            raise OSError(errno.ENOSPC, reported.disk_full)
        if reported and reported.failure:
            trial.max_failures = 0


def died_of(death: RayError) -> str:
    """What Ray says of the end of a trial's process, in a few words instead of its paragraphs."""
    text = str(death)
    found = re.search(r"\bip: ?([\w.:]+)", text, re.IGNORECASE)
    where = f" on {found[1]}" if found else ""
    if "low on memory" in text:
        return f"its node ran out of memory{where}"
    if re.search(r"node (has died|was terminated|is dead|died)", text):
        return f"its node died{where}"
    detail = re.search(r"exit detail: (.*?)\.?(?: Some common causes|$)", text, re.MULTILINE)
    return f"its process died{where}" + (f": {detail[1]}" if detail else "")


@contextmanager
def count_each_death_once(heard: Callable[[str, str], str]) -> Iterator[None]:
    """Within the block, Tune takes an actor that Ray lost in whichever way for one that died, once;
    `heard` is told Tune's id of the trial and what its process died of, and knows the true reason.

    Tune knows of RayActorError alone, and ends the whole sweep at the others: that the node ran out of
    memory or of disk, that a result was lost with the node which held it. (ray 2.60,
    air/execution/_internal/actor_manager.py, _actor_task_failed: "Caught unexpected exception".)
    And the death of an actor that was kept for another trial reaches that trial twice, as it is
    handed over: the trial is waiting again at the first, fails for good at the second, and would
    not get another actor. (tune/execution/tune_controller.py, _actor_failed.)
    """
    of_manager = RayActorManager._actor_task_failed
    of_controller = TuneController._trial_task_failure

    def actor_task_failed(self: Any, tracked_actor_task: Any, exception: Exception) -> None:
        if isinstance(exception, RayError) and not isinstance(exception, RayTaskError):
            exception = RayActorError(error_msg=died_of(exception))
        of_manager(self, tracked_actor_task, exception)

    def trial_task_failure(self: Any, trial: Any, exception: Exception) -> None:
        self._resetting_trials.discard(trial)
        if isinstance(exception, RayActorError) and trial.status == Trial.PENDING:
            return
        if isinstance(exception, RayActorError):
            exception = RayActorError(error_msg=heard(trial.trial_id, str(exception)))
        of_controller(self, trial, exception)

    RayActorManager._actor_task_failed = actor_task_failed
    TuneController._trial_task_failure = trial_task_failure
    try:
        yield
    finally:
        RayActorManager._actor_task_failed = of_manager
        TuneController._trial_task_failure = of_controller
