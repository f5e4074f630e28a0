"""End the worker that Ray Tune keeps for a next trial, once none has come for a while."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

log = logging.getLogger(__name__)

IDLE_S = 60.0  # a new worker takes some 12 s to start


@contextmanager
def ending_idle_workers() -> Iterator[None]:
    """Within the block, have Tune end a worker that has had no trial for IDLE_S seconds.

    Tune keeps one for the trial that the search suggests next, until the search has ended, and its
    resources with it: while the last trials of a sweep run, another node would not be idle, and no
    autoscaler would release it. (ray 2.56 to 2.60, tune/execution/tune_controller.py,
    _maybe_cache_trial_actor.) A warning says so if a release of Ray keeps it elsewhere. Of a sweep that
    is paused Tune looks at nothing for minutes: its worker ends later.
    """
    from ray.tune.execution.tune_controller import TuneController

    method = getattr(TuneController, "_cleanup_cached_actors", None)
    if method is None:
        _warn()
        yield
        return
    kept_since: dict[Any, float] = {}
    is_known = True

    def cleanup_cached_actors(controller: Any, force_all: bool = False) -> None:
        nonlocal kept_since, is_known
        try:
            lists = controller._actor_cache._cached_objects.values() if is_known else ()
        except AttributeError:
            is_known, lists = False, ()
            _warn()
        now = time.monotonic()
        kept_since = {
            actor: kept_since.get(actor, now) for actors in list(lists) for actor in actors
        }
        is_idle = bool(kept_since) and all(now - since > IDLE_S for since in kept_since.values())
        method(controller, force_all=force_all or is_idle)

    TuneController._cleanup_cached_actors = cleanup_cached_actors
    try:
        yield
    finally:
        TuneController._cleanup_cached_actors = method


def _warn() -> None:
    """Log that nothing is ended."""
    log.warning(
        "Ray Tune must keep workers in TuneController._actor_cache, and does not: one without a trial "
        "stays until the sweep has ended, and so does its node."
    )
