"""Requests to a running sweep: any terminal writes them as tags of its run, and its driver reads them.

go:     run trials; this also ends a pause.
pause:  start no new trial.
stop:   start no new trial, and end the sweep when the running trials have ended.
cancel: end the sweep at once.

Besides, single trials are cancelled, or tried again, by their numbers, and run again with other seeds.

A driver that resumes a sweep must carry out what is requested of it from its first moment, and not
what was requested of the driver before it. So each request has a number larger than all that the tags
had before it, and the driver writes from which number on it hears them: from behind those that it
found before it took the lock of the sweep. The number is the time where that is large enough, as the
clocks of two machines may differ. Nothing is ever withdrawn, which might withdraw a request that was
just written.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from analysis.record.names import (
    Tag,
    is_heard,
    is_whole_number,
    number_of_request,
    request_in_force,
    retried_in,
)
from sweep.tracking.entries.kinds import now

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
        return (
            cls(int(trial), int(seed)) if is_whole_number(trial) and is_whole_number(seed) else None
        )

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
        word = request_in_force(tags)
        request: Request = next((known for known in get_args(Request) if known == word), "go")
        return cls(request, _cancelled_in(tags), retried_in(tags), reruns_in(tags))


def request(record: Record, name: Request) -> None:
    """Write a request to the sweep as a whole; it replaces the one before."""
    record.set_tags({Tag.ASKED: f"{name} {_new_number(record.tags())}"})


def hear_after(record: Record, tags: Mapping[str, str]) -> None:
    """Let requests that are in some tags count no more, except for those of trials to be run again.

    tags: of the sweep's run, as the driver found them before it could be asked for anything.
    """
    record.set_tags({Tag.HEARS_FROM: str(_last_number(tags) + 1)})


def cancel_trials(record: Record, numbers: frozenset[int]) -> None:
    """Request the end of the trials of these numbers, beside those requested before."""
    new_number = str(_new_number(record.tags()))
    record.set_tags({f"{Tag.CANCEL}{number}": new_number for number in numbers})


def retry_trials(record: Record, numbers: frozenset[int]) -> None:
    """Request another attempt at the failed trials of these numbers, beside those requested before."""
    record.set_tags({f"{Tag.RETRY}{number}": "requested" for number in numbers})


def rerun_trials(record: Record, reruns: frozenset[Rerun]) -> None:
    """Request trials with the settings of others and seeds of their own, beside those before."""
    seeds_of: dict[int, list[int]] = {}
    for rerun in sorted(reruns):
        seeds_of.setdefault(rerun.trial, []).append(rerun.seed)
    word = uuid.uuid4().hex[:8]  # another terminal may ask for other seeds of the trial
    record.set_tags(
        {f"{Tag.RERUN}{n}.{word}": " ".join(map(str, seeds)) for n, seeds in seeds_of.items()}
    )


def reruns_in(tags: Mapping[str, str]) -> frozenset[Rerun]:
    """Return the requests for reruns in the tags of a sweep's run; other words are left out."""
    words = tags.get(Tag.RERUN_TRIALS, "").split()
    for tag, seeds in tags.items():
        if tag.startswith(Tag.RERUN):
            trial, _, _ = tag.removeprefix(Tag.RERUN).partition(".")
            words += [f"{trial}:{seed}" for seed in seeds.split()]
    return frozenset(rerun for rerun in map(Rerun.parse, words) if rerun is not None)


def _cancelled_in(tags: Mapping[str, str]) -> frozenset[int]:
    """Return the numbers of the trials that requests in force cancel."""
    return frozenset(
        int(trial)
        for trial, number in _cancellations(tags)
        if is_whole_number(trial) and is_heard(tags, number)
    )


def _cancellations(tags: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return (trial, number of the request) of each request to cancel a trial, as they are written."""
    written = [(k.removeprefix(Tag.CANCEL), v) for k, v in tags.items() if k.startswith(Tag.CANCEL)]
    words = (word.partition(":") for word in tags.get(Tag.CANCEL_TRIALS, "").split())
    return [*written, *((trial, number) for trial, _, number in words)]


def _new_number(tags: Mapping[str, str]) -> int:
    """Return the number of a request that is made now, by the tags of the sweep's run."""
    return max(now(), _last_number(tags) + 1, number_of_request(tags.get(Tag.HEARS_FROM, "")))


def _last_number(tags: Mapping[str, str]) -> int:
    """Return the largest number of a request in the tags of a sweep's run; 0 if none has one."""
    _, _, asked = tags.get(Tag.ASKED, "").partition(" ")
    numbers = [asked, *(number for _, number in _cancellations(tags))]
    return max(map(number_of_request, numbers))
