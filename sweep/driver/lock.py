"""One driver a sweep: a lock in its folder, which the operating system frees when the driver dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from sweep import workspace
from sweep.driver.running import CannotRun

LOCK = ".lock"


@contextmanager
def only_driver(folder: Path) -> Iterator[None]:
    """Hold the lock of the sweep in this folder, which is made if need be.

    Raises:
        CannotRun: the folder cannot be written, or another process holds the lock.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".writable").touch()
        (folder / ".writable").unlink()
    except OSError as error:
        raise CannotRun(
            f"{folder} must be a folder that can be written, but: {error.strerror}; set SWEEP_HOME "
            f"to one that can."
        ) from error
    try:
        with FileLock(folder / LOCK, timeout=0):
            yield
    except Timeout:
        raise CannotRun(
            f"the sweep in {folder} is being run by another process: wait for it, or stop it first."
        ) from None


def driver_died_here(name: str, tracking_uri: str) -> bool:
    """Whether the driver of a sweep ran on this machine and does not any more.

    The record may still say that it runs, because a driver is missed only after a while.
    """
    if (
        tracking_uri != workspace.tracking_uri(name)
        or not (workspace.folder(name) / "record").is_dir()
    ):
        return False
    try:
        with FileLock(workspace.folder(name) / LOCK, timeout=0):
            return True
    except Timeout:
        return False
