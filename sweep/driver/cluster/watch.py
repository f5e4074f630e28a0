"""Watch whether Ray still runs, and end this process once it does not.

Calls of Ray wait for one that has gone, in C++, where neither a signal nor an exception ends them. So a
thread looks, and what it finds lost for too long ends the process.
"""

from __future__ import annotations

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
