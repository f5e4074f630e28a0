"""Ray's processes on this machine: start them apart from our terminal, find them, and end them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

MARK = "EQUIPOISE_RAY_FOLDER"  # a variable in the environment of Ray's processes: the folder
PATIENCE_S = 10.0  # for processes to end


@contextmanager
def in_own_sessions(started: list[subprocess.Popen[bytes]]) -> Iterator[None]:
    """Within the block, have Ray start each of its processes in a session of its own.

    started: a list to which they are added.

    A signal of the terminal (Ctrl-C, its end) goes to all processes of our group. Those of Ray would
    end at once, and we would wait for them for ever. Where it is not Linux, Ray ends them by our group.
    """
    from ray._private import services

    popen = services.ConsolePopen

    def start(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        is_apart = sys.platform.startswith("linux")
        process: subprocess.Popen[bytes] = popen(*arguments, **options, start_new_session=is_apart)
        started.append(process)
        return process

    services.ConsolePopen = start
    try:
        yield
    finally:
        services.ConsolePopen = popen


def end_processes(folder: Path) -> None:
    """End the processes that Ray has started with files in a folder, or go on after PATIENCE_S."""
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

    It has the mark in its environment. Processes of Python may have written a long title over that;
    these have log files open.
    """
    if process.environ().get(MARK) == str(folder):
        return True
    is_titled = process.name().startswith("ray::")
    return is_titled and any(file.path.startswith(f"{folder}/") for file in process.open_files())
