"""The pace of the trials of this process, and from it the time that is left."""

from __future__ import annotations

import time
from collections.abc import Callable

MOST_BY_CLOCK = 0.95  # of a trial that counts as made because time has passed


class Pace:
    """When trials began and ended, and how much of those that run is done.

    The share of a running trial that is done is what it has reported. Many report nothing before their
    end: of such a one it is the time since it began over the mean duration of complete trials.

    reported: running trial -> the share of its steps that it has reported, from 0 to 1.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without trials. clock: returns the seconds that have passed since any moment."""
        self._clock = clock
        self._first_start: float | None = None
        self._start_of: dict[str, float] = {}  # running trial -> when it began
        self._num_ended = 0
        self._durations: list[float] = []  # in seconds, of trials that are complete
        self.reported: dict[str, float] = {}

    @property
    def has_begun(self) -> bool:
        """Whether a trial has begun."""
        return self._first_start is not None

    def start(self, trial: str) -> None:
        """Note that a trial begins; of one that is tried again, that it has nothing done."""
        now = self._clock()
        if self._first_start is None:
            self._first_start = now
        self._start_of[trial] = now
        self.reported[trial] = 0.0

    def report(self, trial: str, share: float) -> None:
        """Note the share of its steps that a trial has reported."""
        self.reported[trial] = share

    def end(self, trial: str, *, is_complete: bool) -> None:
        """Note that a trial has ended; others than complete ones may have taken far less time."""
        self._num_ended += 1
        self.reported.pop(trial, None)
        start = self._start_of.pop(trial, None)
        if is_complete and start is not None:
            self._durations.append(self._clock() - start)

    def left_s(self, num_left: int) -> float | None:
        """Return the seconds that trials take which have not ended; None if nothing is known yet.

        num_left: their number, with those that run.
        """
        done = self._done()
        num_here = self._num_ended + done
        if not num_here or self._first_start is None:
            return None
        return (self._clock() - self._first_start) / num_here * (num_left - done)

    def _done(self) -> float:
        """Return how many trials those that run would make together, each by its share."""
        if not self._durations:
            return sum(self.reported.values())
        mean_s = max(sum(self._durations) / len(self._durations), 1e-9)
        now = self._clock()
        return sum(
            share or min((now - self._start_of[trial]) / mean_s, MOST_BY_CLOCK)
            for trial, share in self.reported.items()
        )
