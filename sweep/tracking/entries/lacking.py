"""What a store lacks of the entries that it had taken, as an old copy of it does."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable
from typing import TYPE_CHECKING

from analysis.record.names import Series, Tag, trial_in
from sweep.tracking.entries.kinds import (
    Closed,
    Entry,
    Opened,
    Reported,
    Tagged,
    Trial,
    contents,
    with_only,
)

if TYPE_CHECKING:
    from mlflow.entities import Run


def trials_lacking(
    entries: Iterable[Entry], runs: Iterable[Run], own: Run, refused: Iterable[Entry] = ()
) -> list[Trial]:
    """Return the trials of which a store lacks what entries say; None among them is the sweep itself.

    That is its run, its end, or its last report. Of the sweep it is the end, unless another driver has
    begun since, or the metrics of the base model.

    runs: of all trials, as the store has them. own: that of the sweep.
    refused: entries, or parts of some, that the store has never taken.
    """
    not_taken = {one for entry in refused for one in _recorded(entry)}
    taken = (left for entry in entries if (left := _taken_of(entry, not_taken)))
    ends: dict[Trial, str | None] = {None: None}
    progress: dict[Trial, float] = {}
    for entry in taken:
        if isinstance(entry, Opened):
            ends[entry.trial] = ends[None] = None
        elif isinstance(entry, Tagged) and entry.trial is None and Tag.ALIVE in entry.tags:
            ends[None] = None
        elif isinstance(entry, Closed):
            ends[entry.trial] = entry.tags.get(Tag.STATE)
        elif isinstance(entry, Reported) and Series.PROGRESS in entry.metrics:
            progress[entry.trial] = entry.metrics[Series.PROGRESS]
    run_of: dict[Trial, Run] = {trial_in(run.data.tags): run for run in runs}
    run_of[None] = own
    return [
        trial
        for trial, end in sorted(ends.items(), key=lambda item: -1 if item[0] is None else item[0])
        if (run := run_of.get(trial)) is None
        or end not in (None, run.data.tags.get(Tag.STATE))
        or run.data.metrics.get(Series.PROGRESS, -1.0) < progress.get(trial, -1.0)
    ]


def _recorded(entry: Entry) -> dict[Hashable, tuple[str, str]]:
    """Return all that an entry records but files, each as (name of its field, key).

    Each is known by what is equal in an entry and in the parts of it.
    """
    at = entry.step if isinstance(entry, Reported) else None
    recorded: dict[Hashable, tuple[str, str]] = {
        (entry.trial, at, field, key, value): (field, key)
        for field, content in contents(entry).items()
        for key, value in content.items()
        if field != "yaml"
    }
    if isinstance(entry, Closed):
        recorded[entry.trial, entry.at, entry.status] = ("status", "")
    return recorded


def _taken_of(entry: Entry, not_taken: Collection[Hashable]) -> Entry | None:
    """Return an entry without what a store has not taken; None if nothing is left of it."""
    recorded = _recorded(entry)
    left = [item for known_by, item in recorded.items() if known_by not in not_taken]
    if len(left) == len(recorded):
        return entry
    return with_only(entry, left) if left else None
