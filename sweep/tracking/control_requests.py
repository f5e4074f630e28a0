"""Requests to a running sweep: any terminal writes them as tags of its run, and its driver reads them.

go:     run trials; this also ends a pause.
pause:  start no new trial.
stop:   start no new trial, and end the sweep when the running trials have ended.
cancel: end the sweep at once.

Besides, single trials are cancelled, or tried again, by their numbers, and run again with other seeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from analysis.record.names import Tag

if TYPE_CHECKING:
    from sweep.tracking.mlflow_record import Record

Request = Literal["go", "pause", "stop", "cancel"]


class Rerun(NamedTuple):
    """The request for a trial with the settings of another one and a seed of its own.

    >>> str(Rerun(7, 3)), Rerun.parse("7:3")
    ('7:3', Rerun(trial=7, seed=3))
    """

    trial: int
    seed: int

    @classmethod
    def parse(cls, word: str) -> Rerun | None:
        """Return the request that `str` writes as this word; None if it is no such word."""
        trial, _, seed = word.partition(":")
        return cls(int(trial), int(seed)) if trial.isdecimal() and seed.isdecimal() else None

    def __str__(self) -> str:
        return f"{self.trial}:{self.seed}"


@dataclass(frozen=True)
class Requests:
    """All requests to a sweep that are in force.

    request:          the request to the sweep as a whole.
    cancelled_trials: numbers of trials to end.
    retried_trials:   numbers of failed trials to try again.
    reruns:           trials to run again with other seeds.
    """

    request: Request = "go"
    cancelled_trials: frozenset[int] = frozenset()
    retried_trials: frozenset[int] = frozenset()
    reruns: frozenset[Rerun] = frozenset()

    @classmethod
    def from_tags(cls, tags: Mapping[str, str]) -> Requests:
        """Return the requests in the tags of a sweep's run; an unknown request counts as `go`."""
        word = tags.get(Tag.ASKED)
        request: Request = next((known for known in get_args(Request) if known == word), "go")
        cancelled, retried = (_numbers(tags, tag) for tag in (Tag.CANCEL_TRIALS, Tag.RETRY_TRIALS))
        return cls(request, cancelled, retried, reruns_in(tags))


def request(record: Record, name: Request) -> None:
    """Write a request to the sweep as a whole; it replaces the one before."""
    record.set_tags({Tag.ASKED: name})


def clear(record: Record) -> None:
    """Withdraw the requests to a driver that runs no more, except for trials to be run again."""
    record.set_tags({Tag.ASKED: "go", Tag.CANCEL_TRIALS: ""})


def cancel_trials(record: Record, numbers: frozenset[int]) -> None:
    """Request the end of the trials of these numbers, beside those requested before."""
    _add_numbers(record, Tag.CANCEL_TRIALS, numbers)


def retry_trials(record: Record, numbers: frozenset[int]) -> None:
    """Request another attempt at the failed trials of these numbers, beside those requested before."""
    _add_numbers(record, Tag.RETRY_TRIALS, numbers)


def rerun_trials(record: Record, reruns: frozenset[Rerun]) -> None:
    """Request trials with the settings of others and seeds of their own, beside those before."""
    every = sorted(reruns_in(record.tags()) | reruns)
    record.set_tags({Tag.RERUN_TRIALS: " ".join(map(str, every))})


def reruns_in(tags: Mapping[str, str]) -> frozenset[Rerun]:
    """Return the requests for reruns in the tags of a sweep's run; other words are left out."""
    words = map(Rerun.parse, tags.get(Tag.RERUN_TRIALS, "").split())
    return frozenset(rerun for rerun in words if rerun is not None)


def _add_numbers(record: Record, tag: str, numbers: frozenset[int]) -> None:
    """Add numbers of trials to those that a tag of the sweep's run lists already."""
    all_numbers = _numbers(record.tags(), tag) | numbers
    record.set_tags({tag: " ".join(map(str, sorted(all_numbers)))})


def _numbers(tags: Mapping[str, str], tag: str) -> frozenset[int]:
    """Return the numbers of trials that a tag lists; words that are no number are left out."""
    return frozenset(int(word) for word in tags.get(tag, "").split() if word.isdecimal())
