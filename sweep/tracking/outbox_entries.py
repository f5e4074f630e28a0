"""The entries of the outbox: one class for each kind of thing that is recorded of a sweep.

In all of them `do` is the kind, `trial` the number of the trial (None for the sweep itself), and
`at` a time in milliseconds since 1970.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Hashable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, TypeAdapter, field_validator

from analysis.record.names import Artifact, Series, Tag, trial_in
from trainables.schema.strict import Strict

if TYPE_CHECKING:
    from mlflow.entities import Run

Status = Literal["FINISHED", "FAILED", "KILLED"]  # of a run in MLflow that has ended
Trial = int | None  # number of a trial; None stands for the sweep itself


class Opened(Strict):
    """A trial begins, or begins again: its run is RUNNING, and tags of an earlier end are deleted.

    inputs: sha256 of each data set, by its name.
    yaml:   configuration of the trial as a YAML file; empty if what was drawn is no valid trial.
    """

    do: Literal["open"] = "open"
    trial: int
    at: int
    tags: dict[str, str] = Field(default_factory=dict)
    params: dict[str, str] = Field(default_factory=dict)
    inputs: dict[str, str] = Field(default_factory=dict)
    yaml: str = ""


class Reported(Strict):
    """Metrics of one step of a run, measured at a time.

    metrics: value of each metric, by its name.
    """

    do: Literal["report"] = "report"
    trial: Trial
    at: int
    step: int
    metrics: dict[str, float]


class Tagged(Strict):
    """Tags to set on a run."""

    do: Literal["tag"] = "tag"
    trial: Trial
    tags: dict[str, str]


class Attached(Strict):
    """A file or folder to add to the artifacts of a run.

    file: path below the folder `files` of the outbox.
    to:   folder among the artifacts of the run; empty for the top.
    """

    do: Literal["attach"] = "attach"
    trial: Trial
    file: str
    to: str = ""

    @field_validator("file")
    @classmethod
    def _is_below(cls, file: str) -> str:
        """Refuse a path that leads out of the folder, as what is delivered is deleted."""
        path = PurePosixPath(file)
        if not path.parts or path.is_absolute() or ".." in path.parts:
            raise ValueError("must be a path below the folder")
        return file


class Closed(Strict):
    """A run ends at a time, with a status and its last tags."""

    do: Literal["close"] = "close"
    trial: Trial
    at: int
    status: Status
    tags: dict[str, str] = Field(default_factory=dict)


Entry = Annotated[Opened | Reported | Tagged | Attached | Closed, Field(discriminator="do")]
ENTRY: TypeAdapter[Entry] = TypeAdapter(Entry)
CONTENTS = ("params", "inputs", "yaml", "metrics", "tags")  # fields that can be recorded by parts


def contents(entry: Entry) -> dict[str, dict[str, Any]]:
    """Return what an entry records, by the name of its field and then by its key.

    A text counts as a mapping with one key, the name of its field.
    """
    fields = {name: getattr(entry, name) for name in CONTENTS if name in type(entry).model_fields}
    return {
        name: content if isinstance(content, dict) else {name: content} if content else {}
        for name, content in fields.items()
    }


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
    return _with_only(entry, left) if left else None


def missing_in(
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


def parts(entry: Entry, files: Path) -> list[Entry]:
    """Return smaller entries that together record the same; none if the entry cannot be divided.

    Settings, metrics and tags are divided in two, and a folder into its files. A run ends after its
    last tags are set. The configuration of a trial becomes a file, which can be delivered later.

    files: the folder of the files that entries attach, where that file is written.
    """
    if isinstance(entry, Attached):
        path = files / entry.file
        return [*_files_of(entry, path)] if path.is_dir() else []
    if isinstance(entry, Opened) and entry.yaml and not halves(entry):
        folder = files / f"trial-{entry.trial}"
        folder.mkdir(exist_ok=True)
        (folder / Artifact.TRIAL).write_text(entry.yaml, encoding="utf-8")
        return [Attached(trial=entry.trial, file=f"{folder.name}/{Artifact.TRIAL}")]
    return halves(entry)


def _files_of(entry: Attached, path: Path) -> Iterator[Attached]:
    """Yield an entry for each file of a folder that an entry attaches.

    path: that of the folder.
    """
    for file in sorted(path.rglob("*")):
        if file.is_file():
            below = file.relative_to(path)
            to = "/".join([*([entry.to] if entry.to else []), *below.parent.parts])
            yield Attached(trial=entry.trial, file=f"{entry.file}/{below.as_posix()}", to=to)


def halves(entry: Entry) -> list[Entry]:
    """Return two smaller entries that together record the same; none if the entry cannot be divided.

    Settings, metrics and tags are divided among the two. A run ends after its last tags are set. A file
    cannot be divided.
    """
    if isinstance(entry, Closed):
        bare = entry.model_copy(update={"tags": {}})
        return [Tagged(trial=entry.trial, tags=entry.tags), bare] if entry.tags else []
    items = [(name, key) for name, content in contents(entry).items() for key in content]
    if len(items) < 2:
        return []
    half = len(items) // 2
    return [_with_only(entry, items[:half]), _with_only(entry, items[half:])]


def _with_only(entry: Entry, items: list[tuple[str, str]]) -> Entry:
    """Return an entry with these of its contents alone, each given as (name of field, key)."""
    kept: dict[str, Any] = {}
    for field, content in contents(entry).items():
        left = {key: value for key, value in content.items() if (field, key) in items}
        is_text = isinstance(getattr(entry, field), str)
        kept[field] = left.get(field, "") if is_text else left
    return entry.model_copy(update=kept)


def now() -> int:
    """Return the current time in milliseconds since 1970, the unit of MLflow."""
    return time.time_ns() // 1_000_000
