"""What a store lacks of the entries that it had taken, as an old copy of it does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

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

CUT_AT = 250  # characters: of a longer setting a server may keep the beginning alone


class Lacking(NamedTuple):
    """What a store lacks of what it had taken.

    trials: those of which something is not there, sorted; None among them is the sweep itself.
    changed: of the others, each setting whose value is another one: by the trial, its names.
    metrics: the last values of metrics that are not in a run which is there, each a millisecond later
        than they were taken, as MLflow passes over what its history has already.
    """

    trials: list[Trial]
    changed: dict[int, list[str]]
    metrics: list[Reported]


@dataclass
class _Taken:
    """What a store had taken of a run: all that a reader may ask for by its name, and how it ended.

    last: of each metric, the last report that had it.
    """

    end: str | None = None
    progress: float = -1.0
    params: dict[str, str] = field(default_factory=dict)
    tags: set[str] = field(default_factory=set)
    last: dict[str, Reported] = field(default_factory=dict)

    def is_in(self, run: Run) -> bool:
        """Return whether a run has its end, its last report and all of the names."""
        has = run.data
        return (
            self.end in (None, has.tags.get(Tag.STATE))
            and has.metrics.get(Series.PROGRESS, -1.0) >= self.progress
            and self.params.keys() <= has.params.keys()
            and self.tags <= has.tags.keys()
            and self.last.keys() <= has.metrics.keys()
        )

    def metrics_anew(self, run: Run) -> Iterator[Reported]:
        """Yield a later report of each metric that a run lacks, with its last value."""
        for name, last in self.last.items():
            if name not in run.data.metrics:
                anew = {"at": last.at + 1, "metrics": {name: last.metrics[name]}}
                yield last.model_copy(update=anew)

    def changed_in(self, params: Mapping[str, str]) -> list[str]:
        """Return the names of the settings that have other values among these."""
        return [
            name
            for name, taken in self.params.items()
            if (has := params.get(name, taken)) != taken
            and not (len(has) >= CUT_AT and taken.startswith(has))
        ]


def what_lacks(
    entries: Iterable[Entry], runs: Iterable[Run], own: Run, refused: Iterable[Entry] = ()
) -> Lacking:
    """Return the trials of which a store lacks what entries say, and what it has otherwise.

    A trial lacks its run, its end, its last report, or a setting, a tag or a metric by its name. Of the
    sweep it is the end, unless another driver has begun since, or a metric. Values are compared of
    settings alone, which nothing writes twice, and those of metrics are not.

    runs: of all trials, as the store has them. own: that of the sweep.
    refused: entries, or parts of some, that the store has never taken.
    """
    not_taken = {one for entry in refused for one in _recorded(entry)}
    taken_of: defaultdict[Trial, _Taken] = defaultdict(_Taken)
    taken_of[None] = _Taken()
    for entry in entries:
        left = _taken_of(entry, not_taken) if not_taken else entry
        match left:
            case Opened(trial=trial, params=params, tags=tags):
                taken = taken_of[trial]
                taken.end = taken_of[None].end = None
                taken.params |= params
                # An empty one may not be kept by every server.
                taken.tags.update(name for name, value in tags.items() if value)
            case Tagged(trial=None, tags=tags) if Tag.ALIVE in tags:
                taken_of[None].end = None
            case Closed(trial=trial, tags=tags):
                taken_of[trial].end = tags.get(Tag.STATE)
            case Reported(trial=trial, metrics=metrics):
                taken = taken_of[trial]
                taken.last.update(dict.fromkeys(metrics, left))
                taken.progress = metrics.get(Series.PROGRESS, taken.progress)
    run_of: dict[Trial, Run] = {trial_in(run.data.tags): run for run in runs}
    run_of[None] = own
    found = Lacking([], {}, [])
    for trial, taken in sorted(
        taken_of.items(), key=lambda item: -1 if item[0] is None else item[0]
    ):
        run = run_of.get(trial)
        if run is None or not taken.is_in(run):
            found.trials.append(trial)
            found.metrics.extend(taken.metrics_anew(run) if run else ())
        elif trial is not None and (names := taken.changed_in(run.data.params)):
            found.changed[trial] = names
    return found


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
