"""The outbox of a sweep: entries are on disk before a trial goes on, and wait there for MLflow.

FOLDER/journal.jsonl   one entry a line, only ever appended to, and its marks (journal/)
FOLDER/files/          files that entries attach, until they are delivered
FOLDER/refused.jsonl   entries that MLflow has refused (refused.py); their files stay

An entry is written once and may be delivered twice (after a kill between the two), which MLflow
cannot tell from once: runs are found by their tags, and a metric of the same step, time and value
is the same metric.
"""

from __future__ import annotations

import errno
import logging
import re
import shutil
import sys
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from sweep.tracking.entries.kinds import ENTRY, Attached, Closed
from sweep.tracking.entries.lacking import Lacking, what_lacks
from sweep.tracking.journal.entries import entries_of
from sweep.tracking.journal.journal import JOURNAL, Journal
from sweep.tracking.journal.lines import entry_in, last_line
from sweep.tracking.journal.marks import DELIVERED, read_mark
from sweep.tracking.refused import (
    NO_ENTRY,
    REFUSED,
    RefusedEntries,
    identity,
)
from sweep.tracking.whole_file import NO_LINK, delete, sync

if TYPE_CHECKING:
    from mlflow.entities import Run

    from sweep.tracking.entries.kinds import Entry, Trial
    from sweep.tracking.journal.lines import Line

log = logging.getLogger(__name__)

OWN_NAME = re.compile("[0-9a-f]{32}")  # of a folder of an attached file


class Outbox:
    """The outbox in a folder. One process writes it; that process, or a later one, delivers it.

    is_damaged: whether a file of it was not as it was left, which a warning has said.
    """

    def __init__(self, folder: Path) -> None:
        """Check what an earlier process has left, and say what is wrong with it.

        Raises:
            OSError: a file of it cannot be read or written, or is a folder.
        """
        self.folder = folder
        self.files = folder / "files"
        if self.files.is_symlink():
            raise OSError(errno.ELOOP, NO_LINK, str(self.files))
        self.files.mkdir(parents=True, exist_ok=True)
        self._journal = Journal(folder)
        faults = [*self._journal.faults]
        self._refused = RefusedEntries(folder)
        if self._refused.fault:
            self._journal.mark_delivered(0)
            faults.append(self._refused.fault)
        self.is_damaged = bool(faults)
        for fault in faults:
            log.warning("%s", fault)
        if not self.is_damaged:
            self._delete_unnamed()

    def _delete_unnamed(self) -> None:
        """Delete files that a kill has left: those of no entry, or of one that was delivered.

        All stay if something is no entry, which may have named them.
        """
        lines = [*self._journal.lines(self.num_bytes_delivered)]
        waiting = [*entries_of(self.folder, start=self.num_bytes_delivered)]
        trees = [row["entry"] for row in self._refused.rows]
        if len(waiting) < len(lines) or any(tree["do"] == NO_ENTRY for tree in trees):
            return
        named = {entry.file for entry in waiting if isinstance(entry, Attached)}
        named |= {tree["file"] for tree in trees if "file" in tree}
        kept = {Path(file).parts[0] for file in named}
        for folder in self.files.iterdir():
            if folder.name not in kept and OWN_NAME.fullmatch(folder.name):
                with suppress(OSError):  # it is of no use, and in no one's way
                    delete(folder)

    def put(self, *entries: Entry) -> None:
        """Append entries to the journal; they are on disk when this returns.

        Raises:
            OSError: they cannot be written, as when the disk is full; none of them is in the journal.
        """
        self._journal.append(entry.model_dump_json(exclude_defaults=False) for entry in entries)

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
        _sync_all(folder)  # else a power cut may leave the entry without what it attaches
        sync(self.files)
        self.put(Attached(trial=trial, file=f"{folder.name}/{name}", to=to))

    def next_entries(self, max_entries: int) -> tuple[list[Entry], int]:
        """Return the next entries to deliver, and the number of bytes of the journal up to their end.

        A line that is no entry, as after damage to the disk, is set aside.
        """
        entries: list[Entry] = []
        end = self.num_bytes_delivered
        if self.is_delivered:
            return entries, end
        for line in self._journal.lines(end):
            if len(entries) == max_entries:
                break
            if entry := self._entry_in(line):
                entries.append(entry)
            end = line.end
        return entries, end

    def _entry_in(self, line: Line) -> Entry | None:
        """Return the entry in a line; None if it is no entry. Such a line is set aside."""
        try:
            if line.entry is not None:
                return ENTRY.validate_json(line.entry)
        except ValidationError:
            pass
        place, text = self._journal.line_before(line.end)
        reason = f"{self._journal.path}:{place} is no entry of the record"
        if self._set_aside({"do": NO_ENTRY, "line": text}, reason):
            log.warning("%s: it is kept in %s", reason, self.folder / REFUSED)
        return None

    @property
    def num_bytes_delivered(self) -> int:
        """Number of bytes of the journal that MLflow has."""
        return self._journal.delivered

    @property
    def is_delivered(self) -> bool:
        """Whether MLflow has every entry."""
        return self.num_bytes_delivered >= self._journal.size

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
        self._journal.mark_delivered(end)
        kept = self._files_of(self._refused.rows)
        for entry in entries:
            if isinstance(entry, Attached):
                delete(self.files / Path(entry.file).parts[0], kept)

    def delivered_entries(self) -> Iterator[Entry]:
        """Yield the entries that MLflow has taken, in their order."""
        yield from entries_of(self.folder, self.num_bytes_delivered)

    def missing_in(self, runs: Iterable[Run], own: Run) -> Lacking:
        """Return what a store lacks of what it had taken, as an old copy or a damaged one does.

        What was refused is not expected.

        runs: of all trials, as the store has them. own: that of the sweep.
        """
        trees = [row["entry"] for row in self._refused.rows]
        aside = [ENTRY.validate_python(tree) for tree in trees if tree["do"] != NO_ENTRY]
        return what_lacks(self.delivered_entries(), runs, own, aside)

    def has_delivered(self, trial: Trial, name: str) -> bool:
        """Return whether MLflow has taken a file of this name of a run."""
        return any(
            isinstance(entry, Attached) and entry.trial == trial and Path(entry.file).name == name
            for entry in self.delivered_entries()
        )

    def mark_all_undelivered(self) -> list[Attached]:
        """Have every entry delivered again, to a new store; return those whose files are gone.

        A file is deleted once it is delivered, so that a new store cannot have it. Of files that
        replace each other the last one counts.
        """
        self._journal.mark_delivered(0)
        self._refused.forget()  # the journal has these entries, too
        entries, _ = self.next_entries(sys.maxsize)
        last = {identity(e.model_dump()): e for e in entries if isinstance(e, Attached)}
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
        replaced = self._refused.add(entry, reason)
        if replaced and (file := replaced["entry"].get("file", "")) != entry.get("file", ""):
            delete(self.files / Path(file).parts[0], self._files_of(self._refused.rows))
        return replaced is None

    def put_back(self) -> None:
        """Have the files that were set aside delivered again, after all other entries.

        Other entries that MLflow has refused stay aside, as it would refuse them again; and out of
        their order they could overwrite newer ones.
        """
        self.put(*map(ENTRY.validate_python, self._refused.files()))
        self._refused.forget_files()

    def _files_of(self, rows: Sequence[dict[str, Any]]) -> set[Path]:
        """Return the paths of the files that refused entries attach."""
        return {self.files / row["entry"]["file"] for row in rows if "file" in row["entry"]}


def _sync_all(path: Path) -> None:
    """Have a file or a folder, and all that is in it, on the disk."""
    if path.is_dir():
        for below in path.iterdir():
            _sync_all(below)
    sync(path)


def journal_size(folder: Path) -> int:
    """Return the size of the journal in the folder of an outbox, in bytes; 0 if there is none."""
    journal = folder / JOURNAL
    return journal.stat().st_size if journal.is_file() else 0


def has_ended(folder: Path, since: int) -> bool:
    """Return whether the last entry in the folder of an outbox is the end of a sweep that ran through.

    since: an earlier size of the journal, in bytes; only an entry written after it counts.
    """
    if journal_size(folder) <= since:
        return False
    if (content := entry_in(last_line(folder / JOURNAL))) is None:
        return False
    try:
        last_entry = ENTRY.validate_json(content)
    except ValidationError:
        return False
    return (
        isinstance(last_entry, Closed)
        and last_entry.trial is None
        and last_entry.status != "KILLED"
    )


def num_waiting(folder: Path) -> int:
    """Return the number of entries in the folder of an outbox that MLflow lacks; change nothing."""
    journal = folder / JOURNAL
    if not journal.is_file():
        return 0
    with journal.open("rb") as file:
        mark = read_mark(folder / DELIVERED)
        file.seek(mark.size if mark else 0)
        return sum(line.endswith(b"\n") for line in file)
