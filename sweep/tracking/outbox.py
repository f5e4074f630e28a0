"""What is to be recorded: on disk before anyone goes on, delivered in order as soon as MLflow can.

FOLDER/journal.jsonl   one entry a line, only ever appended to
FOLDER/delivered       how many bytes of it MLflow has
FOLDER/files/          what entries attach, until it is delivered
FOLDER/refused.jsonl   entries that MLflow will never take, each with the reason

An entry is written once and may be delivered twice (after a kill between the two), which MLflow
cannot tell from once: runs are found by their tags, and a metric of the same step, time and value
is the same metric.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from sweep.tracking.entries import ENTRY, Attached, Closed

if TYPE_CHECKING:
    from sweep.tracking.entries import Entry, Trial


class Outbox:
    """One process writes it; that process, or a later one, delivers it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._journal = folder / "journal.jsonl"
        self._delivered = folder / "delivered"
        self.files = folder / "files"
        self.files.mkdir(parents=True, exist_ok=True)
        self._one_at_a_time = threading.Lock()
        self._cut_what_is_half_written()

    def put(self, *entries: Entry) -> None:
        """On disk when this returns; all of it or, where the disk is full, nothing.

        Raises:
            OSError: it cannot be written.
        """
        lines = "".join(f"{entry.model_dump_json(exclude_defaults=False)}\n" for entry in entries)
        left = lines.encode()
        with self._one_at_a_time, self._journal.open("ab", buffering=0) as file:
            before = file.tell()
            try:
                while left:
                    left = left[file.write(left) :]
                os.fsync(file.fileno())
            except OSError:
                file.truncate(before)  # what came after half a line could not be read
                raise

    def attach(self, trial: Trial, source: Path | bytes, name: str, to: str = "") -> None:
        """A file or folder (moved from where it is) or bytes, for the artifacts of a run."""
        kept = self.files / uuid.uuid4().hex
        kept.mkdir()
        if isinstance(source, bytes):
            (kept / name).write_bytes(source)
        else:
            shutil.move(source, kept / name)
        self.put(Attached(trial=trial, file=f"{kept.name}/{name}", to=to))

    def waiting(self, most: int) -> tuple[list[Entry], int]:
        """The next entries to deliver, and where the journal stands after them."""
        entries: list[Entry] = []
        end = self.delivered
        if self.is_delivered:
            return entries, end
        with (
            self._one_at_a_time,
            self._journal.open("rb") as file,
        ):  # nothing that is yet taken back
            file.seek(end)
            for line in file:
                if len(entries) == most or not line.endswith(b"\n"):
                    break
                entries.append(self._read(line, end))
                end += len(line)
        return entries, end

    def _read(self, line: bytes, at: int) -> Entry:
        try:
            return ENTRY.validate_json(line)
        except ValidationError:
            number = self._journal.read_bytes()[:at].count(b"\n") + 1
            raise ValueError(
                f"{self._journal}:{number} must be an entry of the record, but is not: mend the line, "
                f"or delete it."
            ) from None

    @property
    def delivered(self) -> int:
        return _delivered(self._delivered)

    @property
    def is_delivered(self) -> bool:
        """Whether MLflow has every entry."""
        return not self._journal.exists() or self.delivered >= self._journal.stat().st_size

    @property
    def num_waiting(self) -> int:
        """How many entries MLflow lacks."""
        return num_waiting(self.folder)

    @property
    def num_refused(self) -> int:
        refused = self.folder / "refused.jsonl"
        return len(refused.read_bytes().splitlines()) if refused.exists() else 0

    def mark_delivered(self, end: int, entries: Sequence[Entry]) -> None:
        """These are with MLflow; their files are not needed here any more."""
        fresh = self._delivered.with_suffix(".new")
        with fresh.open("w") as file:
            file.write(str(end))
            file.flush()
            os.fsync(file.fileno())  # else a power cut may leave an empty file
        fresh.replace(self._delivered)
        for entry in entries:
            if isinstance(entry, Attached):
                shutil.rmtree((self.files / entry.file).parent, ignore_errors=True)

    def rewind(self) -> None:
        """Nothing is delivered: for a store that has none of it. Files that were are gone, though."""
        self._delivered.unlink(missing_ok=True)

    def refuse(self, entry: Entry, reason: str) -> None:
        """Put aside what would keep all that follows from being delivered."""
        with (self.folder / "refused.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"entry": entry.model_dump(), "reason": reason}) + "\n")

    def _cut_what_is_half_written(self) -> None:
        """By a killed writer: whoever it was for has not been told yet, and will say it again."""
        if self._journal.exists():
            with self._journal.open("rb+") as file:
                written = file.read()
                file.truncate(written.rfind(b"\n") + 1)


def size(folder: Path) -> int:
    """Of the journal, in bytes."""
    journal = folder / "journal.jsonl"
    return journal.stat().st_size if journal.exists() else 0


def has_ended(folder: Path, since: int) -> bool:
    """Whether the last that was recorded, after the journal had this size, is a sweep's good end."""
    if size(folder) <= since:
        return False
    *_, last_line = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    if not last_line.endswith(b"\n"):  # Ctrl-C came while it was written
        return False
    last = ENTRY.validate_json(last_line)
    return isinstance(last, Closed) and last.trial is None and last.status != "KILLED"


def _delivered(path: Path) -> int:
    """Nothing, if in doubt: what is delivered twice is the same as once."""
    text = path.read_text().strip() if path.exists() else ""
    return int(text) if text.isdecimal() else 0


def num_waiting(folder: Path) -> int:
    """How many entries MLflow lacks, for whoever only looks."""
    journal, delivered = folder / "journal.jsonl", folder / "delivered"
    if not journal.exists():
        return 0
    with journal.open("rb") as file:
        file.seek(_delivered(delivered))
        return sum(line.endswith(b"\n") for line in file)
