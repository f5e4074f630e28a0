"""The outbox of a sweep: entries are on disk before a trial goes on, and wait there for MLflow.

FOLDER/journal.jsonl   one entry a line, only ever appended to
FOLDER/delivered       number of bytes of the journal that MLflow has
FOLDER/files/          files that entries attach, until they are delivered
FOLDER/refused.jsonl   entries that MLflow has refused, each with the reason; their files stay

An entry is written once and may be delivered twice (after a kill between the two), which MLflow
cannot tell from once: runs are found by their tags, and a metric of the same step, time and value
is the same metric.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import threading
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from sweep.tracking.outbox_entries import ENTRY, Attached, Closed

if TYPE_CHECKING:
    from sweep.tracking.outbox_entries import Entry, Trial

log = logging.getLogger(__name__)

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

        A line that is no entry, as after damage to the disk, is set aside.
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
                if entry := self._parse(line, end):
                    entries.append(entry)
                end += len(line)
        return entries, end

    def _parse(self, line: bytes, start: int) -> Entry | None:
        """Return the entry in a line that starts at this byte of the journal; None if it is no entry.

        Such a line is set aside.
        """
        try:
            return ENTRY.validate_json(line)
        except ValidationError:
            number = self._journal.read_bytes()[:start].count(b"\n") + 1
            reason = f"{self._journal}:{number} is no entry of the record"
            entry = {"do": "line", "line": line.decode(errors="replace").rstrip("\n")}
            if self._set_aside(entry, reason):
                log.warning("%s: it is kept in %s", reason, self.folder / REFUSED)
            return None

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

    def mark_delivered(self, end: int, entries: Sequence[Entry]) -> None:
        """Note that MLflow has the journal up to a byte, and delete the files that entries attached.

        Files of entries that were set aside stay.

        end: number of bytes.
        entries: those that were delivered since the last call.
        """
        _write(self._delivered, str(end))
        kept = self._files_of(refused(self.folder))
        for entry in entries:
            if isinstance(entry, Attached):
                _delete(self.files / Path(entry.file).parts[0], kept)

    def delivered_trials(self) -> set[int]:
        """Return the numbers of the trials whose beginning MLflow has taken."""
        if not self._journal.exists():
            return set()
        with self._journal.open("rb") as file:
            lines = file.read(self.num_bytes_delivered).splitlines()
        trees = (json.loads(line) for line in lines if line.startswith(b'{"do":"open"'))
        return {tree["trial"] for tree in trees}

    def mark_all_undelivered(self) -> list[Attached]:
        """Have every entry delivered again, to a new store; return those whose files are gone.

        A file is deleted once it is delivered, so that a new store cannot have it. Of files that
        replace each other the last one counts.
        """
        self._delivered.unlink(missing_ok=True)
        (self.folder / REFUSED).unlink(missing_ok=True)  # the journal has these entries, too
        entries, _ = self.next_entries(sys.maxsize)
        last = {_identity(e.model_dump()): e for e in entries if isinstance(e, Attached)}
        return [entry for entry in last.values() if not (self.files / entry.file).exists()]

    def set_aside(self, entry: Entry, reason: str) -> bool:
        """Write an entry that MLflow refuses, and the reason, to a file of its own.

        It would keep all later entries from being delivered. Of a file that replaces one that was set
        aside earlier, as a new drawing of the front does, the earlier one is deleted.

        Returns:
            Whether it is news: the same, or what it replaces, was not set aside before.
        """
        return self._set_aside(entry.model_dump(), reason)

    def _set_aside(self, entry: dict[str, Any], reason: str) -> bool:
        """Set aside an entry, or a line that is none, given as a tree, as `set_aside` does."""
        rows = refused(self.folder)
        replaced = [row for row in rows if _identity(row["entry"]) == _identity(entry)]
        left = [row for row in rows if row not in replaced]
        self._write_refused([*left, {"entry": entry, "reason": reason}])
        for row in replaced:
            if (file := row["entry"].get("file", "")) != entry.get("file", ""):
                _delete(self.files / Path(file).parts[0], self._files_of(left))
        return not replaced

    def put_back(self) -> None:
        """Have the files that were set aside delivered again, after all other entries.

        Other entries that MLflow has refused stay aside, as it would refuse them again; and out of
        their order they could overwrite newer ones.
        """
        rows = refused(self.folder)
        files = [row for row in rows if row["entry"]["do"] == "attach"]
        if files:
            self.put(*(ENTRY.validate_python(row["entry"]) for row in files))
            self._write_refused([row for row in rows if row not in files])

    def _files_of(self, rows: Sequence[dict[str, Any]]) -> set[Path]:
        """Return the paths of the files that refused entries attach."""
        return {self.files / row["entry"]["file"] for row in rows if "file" in row["entry"]}

    def _write_refused(self, rows: Sequence[dict[str, Any]]) -> None:
        """Write the file of the entries that were set aside anew."""
        _write(self.folder / REFUSED, "".join(f"{json.dumps(row)}\n" for row in rows))

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


def refused(folder: Path) -> list[dict[str, Any]]:
    """Return what was set aside in the folder of an outbox, as {entry: …, reason: …} in its order."""
    file = folder / REFUSED
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [json.loads(line) for line in lines]


def _identity(entry: dict[str, Any]) -> tuple[str, ...]:
    """Return what is equal for entries that are the same or, as files of one place, replace each other.

    entry: as a tree.
    """
    if entry["do"] == "attach":
        return str(entry["trial"]), entry["to"], Path(entry["file"]).name
    return (json.dumps(entry, sort_keys=True),)


def _delete(folder: Path, kept: set[Path]) -> None:
    """Delete a folder and all in it, but for these files."""
    for path in [*sorted(folder.rglob("*"), reverse=True), folder]:  # what is in a folder before it
        if path.is_dir():
            with suppress(OSError):  # a file in it is kept
                path.rmdir()
        elif path not in kept:
            path.unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    new = path.with_suffix(".new")
    with new.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())  # else a power cut may leave an empty file
    new.replace(path)


def _read_count(path: Path) -> int:
    """Return the number in a file, or 0 if there is none: all entries are then delivered again."""
    text = path.read_text().strip() if path.exists() else ""
    return int(text) if text.isdecimal() else 0
