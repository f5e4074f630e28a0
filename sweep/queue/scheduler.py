"""Decide which entries of a queue begin, go on, and have ended; none is lost or doubled, whatever dies.

An entry is written as `running` before its job is started, and the id of the job follows from the
entry. So whoever comes after a kill finds each job that was started. One that the cluster does not know
was either never started, or went with the head: it is started under the same id, which a cluster takes
once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from sweep.queue.entry import ENDS, MAX_WHY, Entry
from sweep.queue.folder import Queue, Refused
from sweep.tracking.entries.kinds import now
from trainables.schema.counted import counted
from trainables.schema.text.shown import MAX_NAME, as_word

MAX_ATTEMPTS = 3  # of an entry whose job Ray loses while the head lives


class Away(RuntimeError):
    """What runs the jobs cannot be reached; nothing is known of them."""


class StillThere(RuntimeError):
    """The process of an earlier job of a sweep has not ended yet."""


@dataclass(frozen=True)
class Ended:
    """How a job has ended.

    code: the exit code of its process; None if its process was lost, and the job may be tried again.
    why:  in words.
    """

    code: int | None
    why: str = ""


Standing = Ended | Literal["running", "unknown"]


class Runner(Protocol):
    """Runs the jobs of entries."""

    def standings(self, entries: Sequence[Entry]) -> Mapping[int, Standing]:
        """Return how the job of each entry stands, by the number of the entry.

        Raises:
            Away: it cannot be told now.
        """

    def start(self, entry: Entry, files: Path, *, is_first: bool) -> None:
        """Start the job of an entry.

        Args:
            files: the folder of its spec, and of what goes with it.
            is_first: whether it was certainly never started before.

        Raises:
            Away: it may have been started, or not.
            StillThere: it was not started, as an earlier job of the sweep is still ending.
        """


class Scheduler:
    """Starts the sweeps of a queue, so many at once: a higher priority first, then as they came."""

    def __init__(
        self, queue: Queue, runner: Runner, *, at_once: int, tell: Callable[[str], None]
    ) -> None:
        """Take the queue, what runs its jobs, and the number of sweeps at once.

        tell: is given a sentence for each thing that happens, and for trouble when it begins.
        """
        self._queue, self._runner, self._at_once, self._tell = queue, runner, at_once, tell
        self._troubles: set[str] = set()  # of this turn
        self._troubles_before: set[str] = set()

    def turn(self) -> None:
        """Look at the entries that run, then begin those that wait, as far as there is room."""
        self._troubles_before, self._troubles = self._troubles, set()
        try:
            num_running = self._look_at_running()
            for entry in self._queue.waiting()[: max(0, self._at_once - num_running)]:
                if begun := self._queue.begin(entry.number):
                    self._tell(_beginning(begun))
                    self._start(begun, is_first=True)
        except (Away, Refused) as error:
            self._tell_of(str(error))
        except OSError as error:  # the next turn makes up for it
            where = as_word(self._queue.folder, MAX_NAME)
            self._tell_of(f"{where} must be a folder that can be written, but: {error.strerror}.")

    def _look_at_running(self) -> int:
        """Write down which entries have ended, start those anew whose jobs are gone; count the rest."""
        running = [entry for entry in self._queue.entries() if entry.state == "running"]
        if not running:
            return 0
        standings = self._runner.standings(running)
        return sum(self._goes_on(entry, standings[entry.number]) for entry in running)

    def _goes_on(self, entry: Entry, standing: Standing) -> bool:
        """Act on how the job of an entry stands; return whether the entry still runs."""
        if standing == "running":
            return True
        if standing == "unknown":
            return self._start(entry, is_first=False)
        if standing.code is None and entry.attempt < MAX_ATTEMPTS:
            self._tell(f"{entry.sweep}: {entry.job} was lost ({as_word(standing.why)}).")
            entry = self._queue.change(entry.number, attempt=entry.attempt + 1)
            return self._start(entry, is_first=False)
        self._end(entry, standing)
        return False

    def _start(self, entry: Entry, *, is_first: bool) -> bool:
        """Start the job of an entry, unless its files have changed; return whether the entry runs."""
        if sentence := self._queue.why_changed(entry):
            self._end(entry, Ended(1, sentence))
            return False
        try:
            self._runner.start(entry, self._queue.files(entry), is_first=is_first)
        except StillThere as error:
            self._tell_of(str(error))
        else:
            if not is_first:
                self._tell(f"{entry.sweep} is started again as {entry.job}.")
        return True

    def _end(self, entry: Entry, ended: Ended) -> None:
        """Write down how an entry has ended."""
        state = "failed" if ended.code is None else ENDS.get(ended.code, "failed")
        why = "" if state == "done" else ended.why[:MAX_WHY]
        self._queue.change(entry.number, state=state, ended=now(), why=why)
        self._tell(f"{entry.sweep}: {state}{f' ({as_word(why)})' if why else ''}.")

    def _tell_of(self, trouble: str) -> None:
        """Tell of trouble, unless it was there in the turn before."""
        if trouble not in self._troubles_before:
            self._tell(trouble)
        self._troubles.add(trouble)


def _beginning(entry: Entry) -> str:
    """Return a sentence for an entry that begins."""
    cap = f", at most {counted(entry.cap, 'trial')} at once" if entry.cap else ""
    return f"{entry.sweep} begins as {entry.job} (priority {entry.priority}{cap})."
