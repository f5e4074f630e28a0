"""The entries of the outbox: what is recorded of a sweep, one class a kind."""

from __future__ import annotations

import time
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from trainables.schema.strict import Strict

Status = Literal["FINISHED", "FAILED", "KILLED"]  # of a run in MLflow
Trial = int | None  # a trial's number; None is the sweep itself


class Opened(Strict):
    """A trial begins, or begins again: its run is RUNNING, with nothing said of an earlier end."""

    do: Literal["open"] = "open"
    trial: int
    at: int
    tags: dict[str, str] = Field(default_factory=dict)
    params: dict[str, str] = Field(default_factory=dict)
    inputs: dict[str, str] = Field(default_factory=dict)  # data set -> sha256
    yaml: str = ""


class Reported(Strict):
    """Metrics of a step, measured at a time (milliseconds since 1970)."""

    do: Literal["report"] = "report"
    trial: Trial
    at: int
    step: int
    metrics: dict[str, float]


class Tagged(Strict):
    do: Literal["tag"] = "tag"
    trial: Trial
    tags: dict[str, str]


class Attached(Strict):
    """A file or folder in FOLDER/files, and the folder of the run's artifacts that it goes to."""

    do: Literal["attach"] = "attach"
    trial: Trial
    file: str
    to: str = ""


class Closed(Strict):
    """A run ends."""

    do: Literal["close"] = "close"
    trial: Trial
    at: int
    status: Status
    tags: dict[str, str] = Field(default_factory=dict)


Entry = Annotated[Opened | Reported | Tagged | Attached | Closed, Field(discriminator="do")]
ENTRY: TypeAdapter[Entry] = TypeAdapter(Entry)


def now() -> int:
    """Milliseconds since 1970, as MLflow counts."""
    return time.time_ns() // 1_000_000
