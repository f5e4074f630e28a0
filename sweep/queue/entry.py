"""An entry of the queue: one sweep that waits, runs, or has ended; data alone, as JSON."""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath
from typing import Literal

from pydantic import Field, ValidationError, field_validator

from sweep.remote.jobs import Options
from trainables.schema.plain_json import from_json
from trainables.schema.strict import Strict
from trainables.schema.text.shown import first_line

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}", re.ASCII)  # of a sweep, as its spec has it
FOLDER = re.compile(r"(\d{6,12})-([a-z0-9][a-z0-9._-]{0,99})", re.ASCII)
MAX_PRIORITY = 1000
MAX_WHY = 2000  # characters
TIME_MS = 2**53  # no time of an entry is later

# An entry waits, runs, and then ends as the process of its sweep did (docs/commands.md, exit codes), or
# is removed before it has begun.
State = Literal["waiting", "running", "done", "failed", "wrong", "interrupted", "removed"]
OPEN_STATES = ("waiting", "running")
ENDS: dict[int, State] = {0: "done", 1: "failed", 2: "wrong", 130: "interrupted"}


class BadEntry(ValueError):
    """The file of an entry is not as it was written."""


class Entry(Strict):
    """One sweep of the queue.

    number:   in the order of arrival, from 1.
    sweep:    its name.
    key:      drawn by whoever has submitted it, so that one submission makes one entry.
    priority: entries with a higher one begin first.
    cap:      the most trials at once, whatever the spec says; None: as the spec says.
    resume:   whether it goes on with a sweep that was run before it was queued.
    files:    sha256 of the spec, of each of the user's data files, and of the folder of tasks.
    has_tasks: whether a folder of tasks of lm-evaluation-harness came with it.
    tracking_uri, storage, no_diff, insecure: as of Options (sweep/remote/jobs.py).
    state:    what has become of it.
    added, began, ended: milliseconds since 1970; None if that has not happened.
    attempt:  number of the job that runs it, from 1; 0 before the first.
    why:      in words, why it has ended otherwise than `done`.
    """

    number: int = Field(ge=1)
    sweep: str
    key: str = Field(pattern=r"^[0-9a-f]{32}$")
    priority: int = Field(0, ge=-MAX_PRIORITY, le=MAX_PRIORITY)
    cap: int | None = Field(None, ge=1)
    resume: bool = False
    files: dict[str, str] = Field(default_factory=dict)
    has_tasks: bool = False
    tracking_uri: str | None = None
    storage: str | None = None
    no_diff: bool = False
    insecure: bool = False
    state: State = "waiting"
    added: int = Field(ge=0, le=TIME_MS)
    began: int | None = Field(None, ge=0, le=TIME_MS)
    ended: int | None = Field(None, ge=0, le=TIME_MS)
    attempt: int = Field(0, ge=0)
    why: str = Field("", max_length=MAX_WHY)

    @field_validator("sweep")
    @classmethod
    def _check_sweep(cls, name: str) -> str:
        """Return the name; raise ValueError if it is none of a sweep."""
        if not NAME.fullmatch(name):
            raise ValueError("must be the name of a sweep")
        return name

    @field_validator("files")
    @classmethod
    def _check_files(cls, files: dict[str, str]) -> dict[str, str]:
        """Return the files; raise ValueError if one would lie outside of the entry's folder."""
        for name in files:
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or not path.parts:
                raise ValueError("must be names of files below a folder")
        return files

    @property
    def folder_name(self) -> str:
        """The name of its folder in the queue: by it entries sort in the order of arrival."""
        return f"{self.number:06}-{self.sweep}"

    @property
    def job(self) -> str:
        """The id of the job that runs it."""
        return f"{self.sweep}-q{self.number}-{max(self.attempt, 1)}"

    @property
    def is_open(self) -> bool:
        """Whether it waits or runs."""
        return self.state in OPEN_STATES

    @property
    def options(self) -> Options:
        """What its job passes on to `sweep run` or `sweep resume`."""
        return Options(self.tracking_uri, self.storage, self.no_diff, self.cap, self.insecure)

    @property
    def rank(self) -> tuple[int, int]:
        """By which waiting entries sort: a higher priority first, then in the order of arrival."""
        return -self.priority, self.number

    def to_json(self) -> str:
        """Return it as it is written."""
        return json.dumps(self.model_dump(), indent=1) + "\n"


def from_text(text: bytes, folder_name: str) -> Entry:
    """Return the entry in the file of a folder.

    Raises:
        BadEntry: it is none, or that of another folder.
    """
    try:
        entry = Entry.model_validate(from_json(text))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise BadEntry(f"{where + ': ' if where else ''}{first['msg']}") from error
    except ValueError as error:
        raise BadEntry(first_line(error)) from error
    if entry.folder_name != folder_name:
        raise BadEntry(f"it is that of {entry.folder_name}")
    return entry
