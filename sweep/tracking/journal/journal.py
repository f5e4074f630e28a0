"""The file of the record's journal, a line an entry, which is checked as it is opened.

journal.jsonl  the lines (lines.py)
written        the number of the last line, so that a journal is known that has lost its end
delivered      how many bytes of it MLflow has, and number and checksum of the last line of these

A line is on disk before it is marked as written, and in MLflow before it is marked as delivered.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from io import FileIO
from pathlib import Path

from sweep.tracking.journal import lines as line_forms
from sweep.tracking.journal.faults import faults_of
from sweep.tracking.journal.lines import MAX_END, Line
from sweep.tracking.journal.marks import (
    DELIVERED,
    WRITTEN,
    Mark,
    read_mark,
    read_written,
)
from sweep.tracking.whole_file import no_link, stamp, sync, write_in_place, write_whole

JOURNAL = "journal.jsonl"


class Journal:
    """The journal in a folder, and its marks. One process writes it.

    faults: sentences on what is wrong with it; what is gone is said each time that it is opened.
    delivered: how many bytes of it MLflow has.
    """

    def __init__(self, folder: Path) -> None:
        """Cut off a line that a killed writer has left unfinished, and check the rest.

        `Outbox.put` had not returned, so a resumed sweep reports its content again.

        Raises:
            OSError: a file of it cannot be read or written, or is a folder.
        """
        self.path = folder / JOURNAL
        self._written, self._delivered = folder / WRITTEN, folder / DELIVERED
        self._lock = threading.Lock()
        content = b""
        if self.path.exists():
            with open(self.path, "rb+", opener=no_link) as file:
                content = file.read()
                content = content[: content.rfind(b"\n") + 1]
                file.truncate(len(content))
        mark = read_mark(self._delivered)
        ordered = line_forms.in_order(content)
        lines = line_forms.lines_of(ordered)
        last = max((line.number for line in lines), default=0)
        said = read_written(self._written)
        written = max(said or 0, mark.number if mark else 0)
        self._next = max(last, written, len(lines)) + 1
        # (size before it, number of its first entry) of the last append: unfinished while that is next.
        self._begun = (0, 0)
        self._counted = (0, 0)  # (number of bytes, number of lines) up to a line
        self.faults = faults_of(self.path, lines, written)
        has_mark = self._written.exists()
        if said is None or (last and not has_mark):  # it is there before the first numbered line
            self.faults.append(
                f"{self._written} must say how many entries were written, but is "
                f"{'damaged' if has_mark else 'gone'}: whether the last ones are gone is not known"
            )
        if said is None or not has_mark:
            write_in_place(self._written, str(self._next - 1))
        if ordered != content:
            self.faults.append(self._put_in_order(ordered))
        else:
            self.delivered = self._found_mark(mark, content, last)
        if mark and mark.size != self.delivered:
            self.mark_delivered(self.delivered)

    def _put_in_order(self, content: bytes) -> str:
        """Write the journal anew, with all of it undelivered, and return a sentence that says so."""
        self.mark_delivered(0)
        write_whole(self.path, content)
        return (
            f"{self.path} must have its entries in order and each once, but had not: it is put in "
            f"order, and all of it is delivered again"
        )

    def _found_mark(self, mark: Mark | None, content: bytes, last: int) -> int:
        """Return how many bytes of the journal MLflow has, by the mark; 0 if that is not known.

        content: of the journal. last: the largest number of its lines.
        """
        if mark is None:
            self.faults.append(
                f"{self._delivered} must say how much of the journal MLflow has, but is damaged: all "
                f"of it is delivered again"
            )
            return 0
        if mark.number == 0:  # nothing is delivered, or by an early release
            if mark.size <= len(content) and (content[: mark.size][-1:] in (b"", b"\n")):
                return mark.size
        elif line_forms.last_end_in(content[: mark.size]) == (mark.number, mark.sum):
            return mark.size
        elif (at := content.find(end := line_forms.end_of(mark.number, mark.sum))) >= 0:
            return at + len(end)  # what is before it has another length than it had
        elif mark.number > last:
            return len(content)  # it was cut behind what MLflow has, which is said
        if mark.size > len(content):
            self.faults.append(
                f"{self.path} must have the {mark.size} bytes that MLflow was given, but has "
                f"{len(content)}"
            )
            return len(content)
        self.faults.append(
            f"{self._delivered} must point behind a line of {JOURNAL}, but does not: all of it is "
            f"delivered again"
        )
        return 0

    @property
    def size(self) -> int:
        """Number of bytes of the journal, without those of an unfinished append."""
        size_before, first = self._begun
        if first == self._next:
            return size_before
        return self.path.stat().st_size if self.path.exists() else 0

    def append(self, entries: Iterable[str]) -> None:
        """Write entries to the end of the journal, each as a mapping in JSON, and mark them as written.

        They are on disk when this returns, but perhaps not their mark.

        Raises:
            OSError: they cannot be written, as when the disk is full. The journal ends as before, and
                their numbers are given to the next ones. So it is after a KeyboardInterrupt.
        """
        bodies = [entry.encode() for entry in entries]
        if not bodies:
            return
        with self._lock, open(self.path, "ab", buffering=0, opener=no_link) as file:
            # A further Ctrl-C may have kept this from an earlier append.
            self._take_back_unfinished(file)
            left = b"".join(
                line_forms.line_of(body, self._next + i) for i, body in enumerate(bodies)
            )
            size_before = file.seek(0, os.SEEK_END)
            self._begun = (size_before, self._next)
            try:
                while left:
                    left = left[file.write(left) :]
                os.fsync(file.fileno())
                if not size_before:
                    sync(self.path.parent)
                # One step, by which they are written or not, whenever Ctrl-C comes.
                self._next += len(bodies)
            except BaseException:
                self._take_back_unfinished(file)
                raise
            # The lines are there. A mark that is behind them is what a kill leaves, too.
            with suppress(OSError):
                write_in_place(self._written, str(self._next - 1))

    def _take_back_unfinished(self, file: FileIO) -> None:
        """Cut off what an append has written that did not come to its end.

        A line after half a line could not be read, and a whole one would have the number of the next.
        """
        size_before, first = self._begun
        if first == self._next:
            file.truncate(size_before)

    def mark_delivered(self, end: int) -> None:
        """Note that MLflow has the journal up to a byte."""
        number, checksum = 0, ""
        if self.path.exists():
            with self.path.open("rb") as file:
                file.seek(max(0, end - MAX_END))
                number, checksum = line_forms.last_end_in(file.read(min(end, MAX_END)))
        write_whole(self._delivered, stamp(f"{end} {number} {checksum}".rstrip()))
        self.delivered = end

    def lines(self, start: int = 0) -> Iterator[Line]:
        """Yield the lines from a byte on, counted from there; none that `append` may yet take back."""
        if not self.path.exists():
            return
        with self._lock:
            size = self.size
        with self.path.open("rb") as file:
            yield from line_forms.lines_from(file, start, size)

    def line_before(self, end: int) -> tuple[int, str]:
        """Return (its place, counted from 1, its text) of the line that ends at a byte."""
        # From the line on that was asked for last, or many of them would read all again for each.
        start, num_before = self._counted if self._counted[0] < end else (0, 0)
        with self.path.open("rb") as file:
            file.seek(start)
            lines = line_forms.split(file.read(end - start))
        self._counted = end, num_before + len(lines)
        return self._counted[1], lines[-1].decode(errors="replace").rstrip("\n")
