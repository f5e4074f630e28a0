"""The lock that keeps a sweep to one driver; the operating system frees it when the driver dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from sweep.driver.running_sweep import CannotRun
from trainables.schema.text.shown import MAX_NAME, as_word

LOCK = ".lock"


@contextmanager
def only_driver(folder: Path) -> Iterator[None]:
    """Hold the lock of the sweep in a folder for the length of a block; create the folder if needed.

    A folder in which the block has left nothing is removed: the sweep was refused.

    Raises:
        CannotRun: the folder cannot be written, or another process holds the lock.
    """
    shown = as_word(folder, MAX_NAME)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".writable").touch()
        (folder / ".writable").unlink()
    except OSError as error:
        raise CannotRun(
            f"{shown} must be a folder that can be written, but: {error.strerror}; set SWEEP_HOME "
            f"to one that can."
        ) from error
    try:
        # Those who ask whether a driver lives hold it for a moment.
        with FileLock(folder / LOCK, timeout=1):
            try:
                yield
            finally:
                _remove_if_unused(folder)
    except Timeout:
        raise CannotRun(
            f"the sweep in {shown} is being run by another process: wait for it, or stop it first."
        ) from None


def _remove_if_unused(folder: Path) -> None:
    """Remove the folder of a sweep, and that of all sweeps, if nothing but its lock is in it.

    The lock is still held: whoever opens its file now finds that it is gone, and makes another.
    """
    with suppress(OSError):
        if [path.name for path in folder.iterdir()] == [LOCK]:
            (folder / LOCK).unlink()
            folder.rmdir()
            folder.parent.rmdir()
