"""End the worker that Ray Tune keeps for a next trial, once none has come for a while."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

IDLE_S = 60.0  # a new worker takes some 12 s to start


@contextmanager
def ending_idle_workers() -> Iterator[None]:
    """Within the block, have Tune end each worker that has had no trial for IDLE_S seconds.

    Tune keeps one for the trial that the search suggests next, until the search has ended, and its
    resources with it: while the last trial of a sweep runs, or while the sweep is paused, another node
    would not be idle, and no autoscaler would release it. (ray 2.56 to 2.60,
    tune/execution/tune_controller.py, _maybe_cache_trial_actor.)
    """
    from ray.tune.execution.tune_controller import TuneController

    method = TuneController._cleanup_cached_actors
    kept_since: dict[Any, float] = {}

    def cleanup_cached_actors(controller: Any, force_all: bool = False) -> None:
        kept = {
            actor for actors in controller._actor_cache._cached_objects.values() for actor in actors
        }
        now = time.monotonic()
        for actor in [actor for actor in kept_since if actor not in kept]:
            del kept_since[actor]
        for actor in kept:
            kept_since.setdefault(actor, now)
        is_idle = any(now - since > IDLE_S for since in kept_since.values())
        method(controller, force_all=force_all or is_idle)

    TuneController._cleanup_cached_actors = cleanup_cached_actors
    try:
        yield
    finally:
        TuneController._cleanup_cached_actors = method
