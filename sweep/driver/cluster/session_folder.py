"""The folder for the files of Ray on this machine: private, and gone with Ray's processes.

Ray writes the environment of its processes, with all keys in it, into logs that every user may read,
and deletes none. If it is interrupted while it starts, some of its processes live on, one of which can
be reached from other machines. So its files are in a folder that only this user can enter, and at the
end its processes are ended and the folder is removed: at the end of the sweep, or if the driver was
killed, when the next one starts.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from sweep.driver.cluster.ray_processes import MARK, end_processes

PREFIX = "ray-"  # of the names of these folders
# Held by the driver while it lives; no other folder has a file of this name.
LOCK = "equipoise.lock"
FILES = "r"  # folder of Ray's files; short, as it is part of the paths of sockets

MAX_SOCKET_PATH = 103 if sys.platform == "darwin" else 107  # bytes
# Names of sessions hold a time and the id of a process.
LONGEST_SOCKET = (
    f"/{PREFIX}12345678/{FILES}/session_2026-01-01_00-00-00_000000_1234567/sockets/plasma_store.9"
)


@contextmanager
def session_folder() -> Iterator[str]:
    """Within the block, have a folder for Ray's files; at its end Ray's processes end, and it goes.

    Within the block the environment has a variable by which Ray's processes are known.

    Raises:
        OSError: there is no place for it.
    """
    base = _base()
    _remove_abandoned(base)
    # It gets its name when it is locked: from then on another driver that starts may find it.
    folder = unnamed = Path(tempfile.mkdtemp(prefix=f".{PREFIX}", dir=base))
    try:
        with FileLock(unnamed / LOCK):
            folder = unnamed.rename(unnamed.with_name(unnamed.name.removeprefix(".")))
            os.environ[MARK] = str(folder)
            yield str(folder / FILES)
    finally:
        os.environ.pop(MARK, None)
        end_ray_in(folder)


def _base() -> str:
    """Return the folder for such folders, whose path leaves room for those of Ray's sockets.

    It is $RAY_TMPDIR or $TMPDIR, as Ray would have it, or /tmp where that one cannot be written, is too
    long or has letters beyond ASCII.

    Raises:
        OSError: there is none.
    """
    named = [os.environ.get(name) for name in ("RAY_TMPDIR", "TMPDIR")]
    folders = [os.path.abspath(folder) for folder in (*named, "/tmp", "/var/tmp") if folder]
    for folder in folders:
        is_short = len(folder) + len(LONGEST_SOCKET) <= MAX_SOCKET_PATH
        if folder.isascii() and is_short:  # Ray encodes the path of its sockets as ASCII
            with suppress(OSError), tempfile.TemporaryFile(dir=folder):
                return folder
    most = MAX_SOCKET_PATH - len(LONGEST_SOCKET)
    raise OSError(
        f"its files must be in a folder that can be written, with a path of at most {most} bytes, and "
        f"none of {', '.join(folders)} is such a one: set TMPDIR"
    )


def _remove_abandoned(base: str) -> None:
    """Remove the folders of drivers that were killed, and end what is left of their Ray."""
    for folder in Path(base).glob(f"{PREFIX}????????"):
        with suppress(OSError, Timeout):
            status = folder.lstat()
            is_ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
            if is_ours and (folder / LOCK).is_file():
                with FileLock(folder / LOCK, timeout=0):
                    end_ray_in(folder)


def end_ray_in(folder: Path) -> None:
    """End the processes of Ray in a folder, and remove it."""
    end_processes(folder)
    shutil.rmtree(folder, ignore_errors=True)
