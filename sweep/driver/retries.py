"""Try a trial again if its process or node has died, and not if the trial itself has failed."""

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

from sweep.trial_request import IN_HALVES, TrialRequest
from sweep.workers.memory import NotEnoughMemory, in_halves, what_would_fit
from sweep.workers.ranks import LOW_MEMORY, ProcessDied, lacked_memory
from sweep.workers.result import TrialResult
from trainables.config import TrialConfig
from trainables.schema.text.printable import without_colours

NOT_STARTED = "error raised in its creation task"  # as Ray says it
OUT_OF_MEMORY = "its node ran out of memory"
PROCESS_WITHOUT_MEMORY = "one of its processes had too little memory"
MAX_RETRIES = 3  # of one trial after deaths of its process; it fails at the next death


class NoRetry(Callback):  # type: ignore[misc]
    """A ray.tune Callback that keeps Tune from trying a trial again that has reported its failure."""

    def __getstate__(self) -> dict[str, Any]:
        """Return no state: Tune pickles its callbacks."""
        return {}

    def on_trial_result(
        self, iteration: int, trials: Any, trial: Any, result: dict[str, Any], **_: Any
    ) -> None:
        """Allow a trial that reports a failure no further attempt.

        Raises:
            OSError: the disk of its worker is full. This ends the sweep: all trials would fail.
        """
        report = TrialResult.of(result)
        if report and report.disk_full:
            raise OSError(errno.ENOSPC, report.disk_full)
        if report and report.failure:
            trial.max_failures = 0


def describe_death(death: Exception) -> str:
    """Return how a trial's process ended in a few words, from the paragraphs of Ray's error."""
    text = str(death)
    address = re.search(r"\bip[:=] ?([\w.:]+)", text, re.IGNORECASE)
    node = f" on {address[1]}" if address else ""
    if NOT_STARTED in text:
        lines = [line for line in without_colours(text).splitlines() if line.strip(" ^~")]
        return f"its process cannot start{node}: {lines[-1].strip()}"
    if LOW_MEMORY in text:
        return f"{OUT_OF_MEMORY}{node}"
    actor_id = getattr(death, "actor_id", None)
    if actor_id and lacked_memory(actor_id):
        return f"{PROCESS_WITHOUT_MEMORY}{node}"
    if re.search(r"node (has died|was terminated|is dead|died)", text):
        return f"its node died{node}"
    detail = re.search(r"exit detail: (.*?)\.?(?: Some common causes|$)", text, re.MULTILINE)
    return f"its process died{node}" + (f": {detail[1]}" if detail else "")


def is_lack_of_memory(exception: Exception) -> bool:
    """Return whether an actor ended because its trial needs more memory than there is."""
    if isinstance(exception, RayTaskError):
        return isinstance(exception.cause, NotEnoughMemory)
    words = (OUT_OF_MEMORY, PROCESS_WITHOUT_MEMORY)
    return isinstance(exception, RayActorError) and any(each in str(exception) for each in words)


class LacksOfMemory:
    """What becomes of trials that need more memory than there is, by Tune's ids."""

    def __init__(self, num_processes: int) -> None:
        """Begin without any; num_processes: that train a trial together."""
        self._num_processes = num_processes
        self._lacking: set[str] = set()

    def advice(self, trial: Trial) -> str:
        """Have a trial tried again, in halves if it can be; return nothing.

        At the second lack let it fail, and return what would need less memory.
        """
        config = TrialConfig.model_validate(TrialRequest.of(trial.config).trial)
        half = in_halves(config, self._num_processes)
        if trial.trial_id in self._lacking:
            trial.max_failures = 0
            return what_would_fit(half or config, self._num_processes, is_second=True)
        self._lacking.add(trial.trial_id)
        if half is not None:
            trial.config[IN_HALVES] = True  # its next worker gets it
        return ""


@contextmanager
def count_each_death_once(
    on_death: Callable[[str, str], str], num_processes: int = 1
) -> Iterator[None]:
    """Within the block, have Tune treat each loss of an actor as its death, and count it once.

    Tune knows RayActorError alone, and ends the whole sweep at other errors of Ray: the node ran out of
    memory or of disk, a result was lost with the node that held it. (ray 2.60,
    air/execution/_internal/actor_manager.py, _actor_task_failed: "Caught unexpected exception".)
    Besides, the death of an actor that was kept for another trial reaches that trial twice, as it is
    handed over: the trial is waiting again at the first, fails for good at the second, and would
    not get another actor. (tune/execution/tune_controller.py, _actor_failed.)

    on_death: called at each death with Tune's id of the trial and `describe_death`'s words; returns
        the reason to record.
    num_processes: that train a trial together.
    """
    lacks = LacksOfMemory(num_processes)
    manager_method = RayActorManager._actor_task_failed
    controller_method = TuneController._trial_task_failure

    def actor_task_failed(self: Any, tracked_actor_task: Any, exception: Exception) -> None:
        if isinstance(exception, RayError) and not isinstance(exception, RayTaskError):
            exception = RayActorError(error_msg=describe_death(exception))
        manager_method(self, tracked_actor_task, exception)

    def trial_task_failure(self: Any, trial: Any, exception: Exception) -> None:
        self._resetting_trials.discard(trial)
        if isinstance(exception, RayTaskError) and isinstance(exception.cause, ProcessDied):
            # That of a further process counts as the trial's own.
            exception = RayActorError(error_msg=describe_death(exception.cause))
        is_death = isinstance(exception, RayActorError)
        if is_death and trial.status == Trial.PENDING:
            return
        advice = lacks.advice(trial) if is_lack_of_memory(exception) else ""
        if is_death:
            text = str(exception)
            why = describe_death(exception) if NOT_STARTED in text else text
            why += f": {advice}" if advice else ""
            exception = RayActorError(error_msg=on_death(trial.trial_id, why))
        controller_method(self, trial, exception)

    RayActorManager._actor_task_failed = actor_task_failed
    TuneController._trial_task_failure = trial_task_failure
    try:
        yield
    finally:
        RayActorManager._actor_task_failed = manager_method
        TuneController._trial_task_failure = controller_method
