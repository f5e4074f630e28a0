"""The outbox of a sweep: entries are on disk before a trial goes on, and wait there for MLflow.

FOLDER/journal.jsonl   one entry a line, only ever appended to
FOLDER/delivered       number of bytes of the journal that MLflow has
FOLDER/files/          files that entries attach, until they are delivered
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

from sweep.tracking.outbox_entries import ENTRY, Attached, Closed

if TYPE_CHECKING:
    from sweep.tracking.outbox_entries import Entry, Trial

JOURNAL = "journal.jsonl"
DELIVERED = "delivered"
REFUSED = "refused.jsonl"


class Outbox:
    """The outbox in a folder. One process writes it; that process, or a later one, delivers it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._journal = folder / JOURNAL
        self._delivered = folder / DELIVERED
        self.files = folder / "files"
        self.files.mkdir(parents=True, exist_ok=True)
        self._journal_lock = threading.Lock()
        self._cut_unfinished_line()

    def put(self, *entries: Entry) -> None:
        """Append entries to the journal; they are on disk when this returns.

        Raises:
            OSError: they cannot be written, as when the disk is full; none of them is in the journal.
        """
        lines = "".join(f"{entry.model_dump_json(exclude_defaults=False)}\n" for entry in entries)
        left = lines.encode()
        with self._journal_lock, self._journal.open("ab", buffering=0) as file:
            size_before = file.tell()
            try:
                while left:
                    left = left[file.write(left) :]
                os.fsync(file.fileno())
            except OSError:
                file.truncate(size_before)  # a line after half a line could not be read
                raise

    def attach(self, trial: Trial, source: Path | bytes, name: str, to: str = "") -> None:
        """Put a file among the artifacts of a run.

        source: bytes, or a file or folder, which is moved from where it is.
        name: name of the file or folder in the outbox.
        to: folder among the artifacts of the run; empty for the top.
        """
        folder = self.files / uuid.uuid4().hex
        folder.mkdir()
        if isinstance(source, bytes):
            (folder / name).write_bytes(source)
        else:
            shutil.move(source, folder / name)
        self.put(Attached(trial=trial, file=f"{folder.name}/{name}", to=to))

    def next_entries(self, max_entries: int) -> tuple[list[Entry], int]:
        """Return the next entries to deliver, and the number of bytes of the journal up to their end.

        Raises:
            ValueError: a line of the journal is no entry.
        """
        entries: list[Entry] = []
        end = self.num_bytes_delivered
        if self.is_delivered:
            return entries, end
        # The lock: no line is read that `put` may yet take back.
        with self._journal_lock, self._journal.open("rb") as file:
            file.seek(end)
            for line in file:
                if len(entries) == max_entries or not line.endswith(b"\n"):
                    break
                entries.append(self._parse(line, end))
                end += len(line)
        return entries, end

    def _parse(self, line: bytes, start: int) -> Entry:
        """Return the entry in a line that starts at this byte of the journal.

        Raises:
            ValueError: the line is no entry; the sentence gives its number.
        """
        try:
            return ENTRY.validate_json(line)
        except ValidationError:
            number = self._journal.read_bytes()[:start].count(b"\n") + 1
            raise ValueError(
                f"{self._journal}:{number} must be an entry of the record, but is not: mend the line, "
                f"or delete it."
            ) from None

    @property
    def num_bytes_delivered(self) -> int:
        """Number of bytes of the journal that MLflow has."""
        return _read_count(self._delivered)

    @property
    def is_delivered(self) -> bool:
        """Whether MLflow has every entry."""
        return (
            not self._journal.exists() or self.num_bytes_delivered >= self._journal.stat().st_size
        )

    @property
    def num_waiting(self) -> int:
        """Number of entries that MLflow lacks."""
        return num_waiting(self.folder)

    @property
    def num_refused(self) -> int:
        """Number of entries that MLflow has ever refused."""
        refused = self.folder / REFUSED
        return len(refused.read_bytes().splitlines()) if refused.exists() else 0

    def mark_delivered(self, end: int, entries: Sequence[Entry]) -> None:
        """Note that MLflow has the journal up to a byte, and delete the files that entries attached.

        end: number of bytes.
        entries: those that were delivered since the last call.
        """
        new = self._delivered.with_suffix(".new")
        with new.open("w") as file:
            file.write(str(end))
            file.flush()
            os.fsync(file.fileno())  # else a power cut may leave an empty file
        new.replace(self._delivered)
        for entry in entries:
            if isinstance(entry, Attached):
                shutil.rmtree((self.files / entry.file).parent, ignore_errors=True)

    def mark_all_undelivered(self) -> None:
        """Have every entry delivered again, to a new store.

        Files that were delivered before are deleted already, so that they are not sent again.
        """
        self._delivered.unlink(missing_ok=True)

    def set_aside(self, entry: Entry, reason: str) -> None:
        """Write an entry that MLflow refuses, and the reason, to a file of its own.

        It would keep all later entries from being delivered.
        """
        with (self.folder / REFUSED).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"entry": entry.model_dump(), "reason": reason}) + "\n")

    def _cut_unfinished_line(self) -> None:
        """Delete the end of the journal that a killed writer left without a line break.

        `put` had not returned, so a resumed sweep reports its content again.
        """
        if self._journal.exists():
            with self._journal.open("rb+") as file:
                content = file.read()
                file.truncate(content.rfind(b"\n") + 1)


def journal_size(folder: Path) -> int:
    """Return the size of the journal in the folder of an outbox, in bytes; 0 if there is none."""
    journal = folder / JOURNAL
    return journal.stat().st_size if journal.exists() else 0


def has_ended(folder: Path, since: int) -> bool:
    """Return whether the last entry in the folder of an outbox is the end of a sweep that ran through.

    since: an earlier size of the journal, in bytes; only an entry written after it counts.
    """
    if journal_size(folder) <= since:
        return False
    *_, last_line = (folder / JOURNAL).read_bytes().splitlines(keepends=True)
    if not last_line.endswith(b"\n"):  # Ctrl-C came while it was written
        return False
    last_entry = ENTRY.validate_json(last_line)
    return (
        isinstance(last_entry, Closed)
        and last_entry.trial is None
        and last_entry.status != "KILLED"
    )


def num_waiting(folder: Path) -> int:
    """Return the number of entries in the folder of an outbox that MLflow lacks; change nothing."""
    journal = folder / JOURNAL
    if not journal.exists():
        return 0
    with journal.open("rb") as file:
        file.seek(_read_count(folder / DELIVERED))
        return sum(line.endswith(b"\n") for line in file)


def _read_count(path: Path) -> int:
    """Return the number in a file, or 0 if there is none: all entries are then delivered again."""
    text = path.read_text().strip() if path.exists() else ""
    return int(text) if text.isdecimal() else 0
