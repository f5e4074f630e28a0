"""Have Ray Tune forget the trials that have ended, all of which it would keep."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from operator import attrgetter
from typing import Any

log = logging.getLogger(__name__)

# Where Tune keeps trials, and what belongs to them, until its run ends (ray 2.56 to 2.60, in
# tune/execution/tune_controller.py and air/execution/_internal/actor_manager.py; ray#64231).
PLACES = (
    "_trials",
    "_stopped_trials",
    "_failed_trials",
    "_trials_to_cache",
    "_live_trials",
    "_trial_metadata",
    "_callbacks._callbacks",
    "_actor_manager._pending_actors_to_attrs",
    "_actor_manager._pending_actors_to_enqueued_actor_tasks",
)


@contextmanager
def forgetting_ended_trials() -> Iterator[None]:
    """Within the block, have Tune forget each trial that has ended, after each of its steps.

    Its lists and its snapshots of the experiment, each made anew as a whole, took 129 MB of memory and
    90 MB on the disk for a thousand trials. A sweep goes on from the search and the record, and from no
    snapshot. A warning says so if a release of Ray keeps trials elsewhere: then nothing is forgotten.
    """
    from ray.tune.execution.tune_controller import TuneController

    method = TuneController.step
    lacking: list[str] | None = None

    def step(controller: Any) -> None:
        nonlocal lacking
        method(controller)
        if lacking is None:
            lacking = _lacking(controller)
            if lacking:
                log.warning(
                    "Ray Tune must have %s, and has not: it keeps all trials that have ended, and "
                    "takes 0.1 MB of memory for each.",
                    ", ".join(lacking),
                )
        if not lacking:
            _forget(controller)

    TuneController.step = step
    try:
        yield
    finally:
        TuneController.step = method


def _lacking(controller: Any) -> list[str]:
    """Return those of PLACES that a TuneController does not have."""
    missing = []
    for place in PLACES:
        try:
            attrgetter(place)(controller)
        except AttributeError:
            missing.append(place)
    return missing


def _forget(controller: Any) -> None:
    """Remove from a TuneController the trials that have ended, and what it keeps of them."""
    from ray.tune.progress_reporter import TrialProgressCallback

    # The callback of a progress that is not shown here holds every trial.
    callbacks = controller._callbacks._callbacks
    callbacks[:] = [one for one in callbacks if not isinstance(one, TrialProgressCallback)]
    for trial in [trial for trial in controller._trials if trial.is_finished()]:
        controller._trials.remove(trial)
        for trials in (
            controller._stopped_trials,
            controller._failed_trials,
            controller._trials_to_cache,
            controller._live_trials,
        ):
            trials.discard(trial)
        controller._trial_metadata.pop(trial.trial_id, None)
    # Tune asks for an actor, and takes one that is free instead: a call of the first one stays, unsent.
    manager = controller._actor_manager
    unsent = manager._pending_actors_to_enqueued_actor_tasks
    for actor in [actor for actor in unsent if actor not in manager._pending_actors_to_attrs]:
        del unsent[actor]
