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
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

PREFIX = "ray-"  # of the names of these folders
LOCK = "lock"  # held by the driver while it lives
FILES = "r"  # folder of Ray's files; short, as it is part of the paths of sockets
MARK = "EQUIPOISE_RAY_FOLDER"  # a variable in the environment of Ray's processes: the folder

MAX_SOCKET_PATH = 103 if sys.platform == "darwin" else 107  # bytes
# Names of sessions hold a time and the id of a process.
LONGEST_SOCKET = (
    f"/{PREFIX}12345678/{FILES}/session_2026-01-01_00-00-00_000000_1234567/sockets/plasma_store.9"
)
JUST_MADE_S = (
    60.0  # the age up to which a folder without a lock may be that of a driver that starts
)
PATIENCE_S = 10.0  # for processes to end


@contextmanager
def session_folder() -> Iterator[str]:
    """Within the block, have a folder for Ray's files; at its end Ray's processes end, and it goes.

    Within the block the environment has a variable by which Ray's processes are known.

    Raises:
        OSError: there is no place for it.
    """
    base = _base()
    _remove_abandoned(base)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
    try:
        with FileLock(folder / LOCK):
            os.environ[MARK] = str(folder)
            yield str(folder / FILES)
    finally:
        os.environ.pop(MARK, None)
        _remove(folder)


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
            if is_ours and _is_free(folder, time.time() - status.st_mtime):
                _remove(folder)


def _is_free(folder: Path, age_s: float) -> bool:
    """Return whether no driver that lives has made a folder, which has not changed for so long."""
    if not (folder / LOCK).exists():
        # Between its making and its locking, or one that was killed there, or nothing of ours.
        return age_s > JUST_MADE_S and not any(folder.iterdir())
    with FileLock(folder / LOCK, timeout=0):
        return True


def _remove(folder: Path) -> None:
    """End the processes of Ray in a folder, and remove it."""
    deadline = time.monotonic() + PATIENCE_S
    num_quiet = 0
    # Twice in a row, as one that is just being started is seen a moment later.
    while num_quiet < 2 and time.monotonic() < deadline:
        processes = _processes_in(folder)
        for process in processes:
            with suppress(psutil.Error):
                process.kill()
        num_quiet = 0 if processes else num_quiet + 1
        time.sleep(0.05)
    shutil.rmtree(folder, ignore_errors=True)


def _processes_in(folder: Path) -> list[psutil.Process]:
    """Return the processes of this user, but this one, that Ray has started with files in a folder."""
    processes = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            is_other = process.pid != os.getpid() and process.uids().real == os.getuid()
            if is_other and _is_of_ray_in(folder, process):
                processes.append(process)
    return processes


def _is_of_ray_in(folder: Path, process: psutil.Process) -> bool:
    """Return whether Ray has started a process with files in a folder.

    Its processes of Python write their title over their command line, and over a part of their
    environment if it is long. These have log files open.
    """
    if process.environ().get(MARK) == str(folder):
        return True
    words = process.cmdline()
    if any(word.startswith(f"{folder}/") or f"={folder}/" in word for word in words):
        return True
    is_titled = process.name().startswith("ray::")
    return is_titled and any(file.path.startswith(f"{folder}/") for file in process.open_files())
