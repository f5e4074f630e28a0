"""The kinds of entries: one class for each kind of thing that is recorded of a sweep.

In all of them `do` is the kind, `trial` the number of the trial (None for the sweep itself), and
`at` a time in milliseconds since 1970.
"""

from __future__ import annotations

import time
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, field_validator

from trainables.schema.strict import Strict

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


def with_only(entry: Entry, items: list[tuple[str, str]]) -> Entry:
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
