"""What people ask of a running sweep, from any terminal: tags of its run, which its driver reads.

pause: no new trials.  stop: no new trials, and the sweep ends when the running ones have.
cancel: the sweep ends now.  A single trial is cancelled, or tried again, by its number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from analysis.record.names import Tag

if TYPE_CHECKING:
    from sweep.tracking.mlflow_record import Record

Request = Literal["go", "pause", "stop", "cancel"]


@dataclass(frozen=True)
class Requests:
    """What is to become of the sweep, and of which trials the end, or another attempt, is wanted."""

    wish: Request = "go"
    cancelled: frozenset[int] = frozenset()
    retried: frozenset[int] = frozenset()

    @classmethod
    def of(cls, tags: Mapping[str, str]) -> Requests:
        """As the tags of a sweep's run say."""
        said = tags.get(Tag.ASKED)
        wish: Request = next((wish for wish in get_args(Request) if wish == said), "go")
        return cls(wish, _numbers(tags, Tag.CANCEL_TRIALS), _numbers(tags, Tag.RETRY_TRIALS))


def request(record: Record, wish: Request) -> None:
    record.tag({Tag.ASKED: wish})


def forget(record: Record) -> None:
    """What was asked of a process that runs no more is over, but for trials to be tried again."""
    record.tag({Tag.ASKED: "go", Tag.CANCEL_TRIALS: ""})


def cancel_trials(record: Record, numbers: frozenset[int]) -> None:
    """Ask for the end of trials."""
    _add(record, Tag.CANCEL_TRIALS, numbers)


def retry_trials(record: Record, numbers: frozenset[int]) -> None:
    """Ask for another attempt at trials that have failed."""
    _add(record, Tag.RETRY_TRIALS, numbers)


def _add(record: Record, name: str, numbers: frozenset[int]) -> None:
    both = _numbers(record.tags(), name) | numbers
    record.tag({name: " ".join(map(str, sorted(both)))})


def _numbers(tags: Mapping[str, str], name: str) -> frozenset[int]:
    return frozenset(int(number) for number in tags.get(name, "").split() if number.isdecimal())
