"""A Runner whose jobs are small commands of this machine: what stands in for a Ray cluster.

As the job API does, it takes each job once, knows the jobs that it has taken until it is forgotten, and
runs them whoever has asked for them, so that a job outlives the server of the queue.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from sweep.queue.entry import Entry
from sweep.queue.folder import Queue
from sweep.queue.scheduler import Away, Ended, Scheduler, Standing
from sweep.queue.server import serve

# Takes the job, unless it was taken, in one step, and says so; then writes the name of the sweep into a
# list, unless it is there, as a sweep that goes on runs nothing again; then writes how it has ended.
COMMAND = """
set -C; echo $$ > "$1/$3.job" || exit; set +C
echo "$2" >> "$1/taken"
grep -qxsF "$2" "$1/order" || echo "$2" >> "$1/order"
echo 0 > "$1/$3.code"
"""


class Commands:
    """Jobs as files in a folder: NAME.job once one was taken, and NAME.code once it has ended."""

    def __init__(self, folder: Path, command: str = COMMAND) -> None:
        self.folder, self.command = folder, command
        folder.mkdir(exist_ok=True)

    def standings(self, entries: Sequence[Entry]) -> Mapping[int, Standing]:
        """Return how the job of each entry stands; see Runner."""
        if (self.folder / "away").exists():
            raise Away("it is away")
        return {entry.number: self._standing(entry) for entry in entries}

    def _standing(self, entry: Entry) -> Standing:
        """Return how the job of an entry stands."""
        if not (self.folder / f"{entry.job}.job").exists():
            return "unknown"
        code = self.folder / f"{entry.job}.code"
        return Ended(int(code.read_text())) if code.exists() and code.read_text() else "running"

    def start(self, entry: Entry, files: Path, *, is_first: bool) -> None:
        """Start the job of an entry; see Runner."""
        assert (files / "sweep.yaml").is_file()
        if (self.folder / "away").exists():
            raise Away("it is away")
        words = ["sh", "-c", self.command, "sh", str(self.folder), entry.sweep, entry.job]
        process = subprocess.Popen(words, start_new_session=True, stderr=subprocess.DEVNULL)
        while not (self.folder / f"{entry.job}.job").exists() and process.poll() is None:
            time.sleep(0.001)

    def order(self) -> list[str]:
        """Return the names of the sweeps that were run, in their order."""
        path = self.folder / "order"
        return path.read_text().split() if path.exists() else []

    def forget(self) -> None:
        """Kill and lose all jobs that have not ended, as when a head is killed."""
        for job in self.folder.glob("*.job"):
            code = job.with_suffix(".code")
            if not (code.exists() and code.read_text()):
                with suppress(ProcessLookupError, ValueError):  # it has ended, or has just begun
                    os.kill(int(job.read_text()), signal.SIGKILL)
                job.unlink()


if __name__ == "__main__":  # QUEUE COMMANDS AT_ONCE: serve until it is killed
    queue, runner = Queue(Path(sys.argv[1])), Commands(Path(sys.argv[2]))
    serve(queue, Scheduler(queue, runner, at_once=int(sys.argv[3]), tell=print), every_s=0.01)
