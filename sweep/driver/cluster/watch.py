"""Watch whether Ray still runs, and end this process once it does not.

Calls of Ray wait for one that has gone, in C++, where neither a signal nor an exception ends them. So a
thread looks, and what it finds lost for too long ends the process.
"""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

NEEDED = ("gcs_server", "raylet")  # programs of Ray without which no trial runs

# Takes the reason why this process must end, tells its user, and returns the exit code.
OnLost = Callable[[str], int]


@contextmanager
def watched(
    loss: Callable[[], str], patience_s: float, end: Callable[[str], None], every_s: float = 0.5
) -> Iterator[None]:
    """Within the block, have a thread call `end` with the reason once something is lost.

    loss: returns what is lost, in words; an empty text if nothing is.
    patience_s: how long it must be lost, at every look.
    end: ends the process, as nothing else may get the main thread out of the block.
    every_s: the time from one look to the next.
    """
    is_over = threading.Event()

    def look() -> None:
        lost_since: float | None = None
        while not is_over.wait(every_s):
            if not (reason := loss()):
                lost_since = None
                continue
            lost_since = lost_since or time.monotonic()
            if time.monotonic() - lost_since >= patience_s and not is_over.is_set():
                end(reason)
                return

    threading.Thread(target=look, name="watch", daemon=True).start()
    try:
        yield
    finally:
        is_over.set()


def ended(processes: Sequence[subprocess.Popen[bytes]]) -> str:
    """Return which of Ray's processes on this machine has ended, in words; empty if all run."""
    for process in processes:
        program = Path(str(process.args[0] if isinstance(process.args, list) else "")).name
        if program in NEEDED and process.poll() is not None:
            return f"Ray, which runs the trials, has gone: its {program} has ended"
    return ""


def host_and_port(address: str) -> tuple[str, int] | None:
    """Return where Ray's head at an address listens; None if it names no port, as `auto` does.

    >>> host_and_port("ray://[::1]:6379"), host_and_port("ray://head")
    (('::1', 6379), None)
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    is_port = port.isascii() and port.isdecimal() and int(port) < 2**16
    return (host.removeprefix("[").removesuffix("]"), int(port)) if host and is_port else None


def connect(address: str) -> None:
    """Connect to an address for a moment, where it names a port.

    Raises:
        OSError: within seconds, if no process listens there.
    """
    if place := host_and_port(address):
        try:
            socket.create_connection(place, timeout=5).close()
        except UnicodeError as error:  # of a name with an empty or an overlong part
            raise OSError(f"{place[0]!r:.80} is no name of a host") from error


def silent(address: str) -> str:
    """Return that Ray's head at an address cannot be reached, in words; empty if it can.

    Of an address without a port it cannot be told, and counts as reached.
    """
    try:
        connect(address)
    except OSError as error:
        reason = error.strerror or str(error)
        return f"Ray, which runs the trials, has gone: its head at {address} is away ({reason})"
    return ""
