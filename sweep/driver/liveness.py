"""Whether the driver of a sweep lives, as far as this machine knows."""

from __future__ import annotations

import fcntl
import os

from analysis.record.names import LIVE_STATES, SweepState
from sweep import workspace
from sweep.driver.lock import LOCK


def driver_lives_here(name: str) -> bool:
    """Return whether a process on this machine runs a sweep now."""
    return _is_locked(name)


def driver_died_here(name: str, tracking_uri: str) -> bool:
    """Return whether the driver of a sweep ran on this machine and runs no more.

    The record may show the sweep as running for a while, until heartbeats have been missing.

    name: of the sweep.
    tracking_uri: the store in which the sweep is looked for. If it is not the store of the sweep of
        this name that was run here, the two are different sweeps, and the result is False.
    """
    if tracking_uri != workspace.tracking_uri(name) or not workspace.outbox(name).is_dir():
        return False
    return not _is_locked(name)


def _is_locked(name: str) -> bool:
    """Return whether the lock of a sweep is held."""
    try:
        file = os.open(workspace.folder(name) / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    # A shared lock, which a driver's excludes, but not that of another who asks.
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def state_here(name: str, tracking_uri: str, state: str) -> str:
    """Return the state of a sweep: that of its record, or `interrupted` if its driver died here.

    The record itself counts a driver as dead only after a minute of silence.

    name, tracking_uri: as `driver_died_here` takes them.
    """
    has_died = state in LIVE_STATES and driver_died_here(name, tracking_uri)
    return SweepState.INTERRUPTED if has_died else state
