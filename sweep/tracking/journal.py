"""The file of the record's journal: a line an entry, each with its number and a checksum.

journal.jsonl  {"do": …, "number": 12, "sum": "1a2b3c4d"} a line; numbers grow by one. Lines of early
               releases have neither
written        the number of the last line, so that a journal is known that has lost its end
delivered      how many bytes of it MLflow has, and number and checksum of the last line of these

Both marks end in a checksum of their own. A line is on disk before it is marked as written, and in
MLflow before it is marked as delivered: a kill leaves a mark behind, and never ahead.
"""

from __future__ import annotations

import os
import re
import threading
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from trainables.schema.counted import counted

JOURNAL, WRITTEN, DELIVERED = "journal.jsonl", "written", "delivered"
END = re.compile(rb',"number":([1-9]\d{0,15}),"sum":"([0-9a-f]{8})"\}\n\Z')
PARTS = (b',"number":', b',"sum":"')
MAX_END = 64  # bytes of the longest end of a line
NAMED = 3  # lines that a sentence lists


class Line(NamedTuple):
    """A line of the journal.

    end: number of bytes of the journal up to its end.
    place: its number in the file, counted from 1.
    number: its own number; 0 for a line of an early release.
    entry: its entry, as JSON; None if the line is not as it was written.
    """

    end: int
    place: int
    number: int
    entry: bytes | None


class Mark(NamedTuple):
    """How far the journal is delivered. number and sum: of the last line; 0 and "" if not known."""

    size: int = 0
    number: int = 0
    sum: str = ""


class Journal:
    """The journal in a folder, and its marks. One process writes it.

    faults: sentences on what was wrong with it as it was opened.
    delivered: how many bytes of it MLflow has.
    """

    def __init__(self, folder: Path) -> None:
        """Cut off a line that a killed writer has left unfinished, and check the rest.

        `Outbox.put` had not returned, so a resumed sweep reports its content again.
        """
        self.path = folder / JOURNAL
        self._written, self._delivered = folder / WRITTEN, folder / DELIVERED
        self._lock = threading.Lock()
        content = b""
        if self.path.exists():
            with self.path.open("rb+") as file:
                content = file.read()
                content = content[: content.rfind(b"\n") + 1]
                file.truncate(len(content))
        lines = [*_lines(_split(content))]
        last = max((line.number for line in lines), default=0)
        known, mark = stamped(self._written), read_mark(self._delivered)
        written = max(int(known[0]) if known else 0, mark.number if mark else 0)
        self._next = max(last, written, len(lines)) + 1
        self.faults = self._faults(lines, last, written)
        self.delivered = self._found_mark(mark, content, last)
        if mark and mark.size != self.delivered:
            self.mark_delivered(self.delivered)

    def _faults(self, lines: list[Line], last: int, written: int) -> list[str]:
        """Return what is wrong with the lines of a journal that must end with a number."""
        faults = []
        if written > last:
            gone = counted(written - last, "entry is gone", "entries are gone")
            faults.append(
                f"{self.path} must hold {counted(written, 'entry that was', 'entries that were')} "
                f"written, but ends behind entry {last}: {gone}"
            )
        if damaged := [line.place for line in lines if line.entry is None]:
            places = ", ".join(map(str, damaged[:NAMED])) + (" …" if len(damaged) > NAMED else "")
            faults.append(
                f"{self.path} must be as it was written, but "
                f"{counted(len(damaged), 'line is', 'lines are')} not ({places})"
            )
        return faults

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
        elif _end_of(content[: mark.size]) == (mark.number, mark.sum):
            return mark.size
        elif (at := content.find(end := _end(mark.number, mark.sum))) >= 0:
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
        """Number of bytes of the journal."""
        return self.path.stat().st_size if self.path.exists() else 0

    def append(self, entries: Iterable[str]) -> None:
        """Append entries, each as a mapping in JSON; they are on disk when this returns.

        Raises:
            OSError: they cannot be written, as when the disk is full; none of them is in the journal.
        """
        with self._lock, self.path.open("ab", buffering=0) as file:
            bodies = [entry.encode() for entry in entries]
            left = b"".join(_line(body, self._next + i) for i, body in enumerate(bodies))
            size_before = file.tell()
            try:
                while left:
                    left = left[file.write(left) :]
                os.fsync(file.fileno())
            except OSError:
                file.truncate(size_before)  # a line after half a line could not be read
                raise
            self._next += len(bodies)
            self._mark_written(self._next - 1)

    def _mark_written(self, number: int) -> None:
        """Note the number of the last line. It may be lost in a power cut: then it is not known."""
        self._written.write_text(stamp(str(number)), encoding="utf-8")

    def mark_delivered(self, end: int) -> None:
        """Note that MLflow has the journal up to a byte."""
        number, checksum = 0, ""
        if self.path.exists():
            with self.path.open("rb") as file:
                file.seek(max(0, end - MAX_END))
                number, checksum = _end_of(file.read(min(end, MAX_END)))
        write_whole(self._delivered, stamp(f"{end} {number} {checksum}".rstrip()))
        self.delivered = end

    def lines(self, start: int = 0) -> Iterator[Line]:
        """Yield the lines from a byte on, counted from there; none that `append` may yet take back."""
        if not self.path.exists():
            return
        with self._lock:
            size = self.size
        with self.path.open("rb") as file:
            file.seek(start)
            yield from _lines(iter(file.readline, b""), start, size)

    def line_before(self, end: int) -> tuple[int, str]:
        """Return (its place, counted from 1, its text) of the line that ends at a byte."""
        with self.path.open("rb") as file:
            lines = _split(file.read(end))
        return len(lines), lines[-1].decode(errors="replace").rstrip("\n")


def entry_in(line: bytes) -> bytes | None:
    """Return the entry in a line with its line break, as JSON; None if it is not as it was written."""
    return next((found.entry for found in _lines([line])), None)


def _split(content: bytes) -> list[bytes]:
    """Return the whole lines of a content. They end in a line feed, which is in no entry."""
    return [line + b"\n" for line in content.split(b"\n")[:-1]]


def _lines(lines: Iterable[bytes], start: int = 0, size: int | None = None) -> Iterator[Line]:
    """Yield lines of a journal with what they hold, up to a size, or to one without its line break."""
    end, has_numbers = start, False
    for place, line in enumerate(lines, start=1):
        end += len(line)
        if not line.endswith(b"\n") or (size is not None and end > size):
            return
        found = END.search(line[-MAX_END:])
        if found is None:
            # Those of early releases come first, and have no part of it either.
            is_early = not has_numbers and not any(part in line[-MAX_END:] for part in PARTS)
            yield Line(end, place, 0, line[:-1] if is_early else None)
            continue
        has_numbers = True
        head, number = line[: len(line) - len(found[0])], int(found[1])
        is_sound = _sum(head, number) == found[2].decode()
        yield Line(end, place, number if is_sound else 0, head + b"}" if is_sound else None)


def _line(entry: bytes, number: int) -> bytes:
    """Return the line of an entry, a mapping in JSON, with its number and checksum."""
    head = entry[:-1]
    return head + _end(number, _sum(head, number))


def _end(number: int, checksum: str) -> bytes:
    """Return the end of a line."""
    return b',"number":%d,"sum":"%s"}\n' % (number, checksum.encode())


def _sum(head: bytes, number: int) -> str:
    """Return the checksum of a line. head: what comes before its number."""
    return f"{zlib.crc32(b'%d' % number, zlib.crc32(head)):08x}"


def _end_of(content: bytes) -> tuple[int, str]:
    """Return number and checksum of the last line of a content; (0, "") if it has none."""
    found = END.search(content[-MAX_END:])
    return (int(found[1]), found[2].decode()) if found else (0, "")


def read_mark(path: Path) -> Mark | None:
    """Return what the mark of the delivery says; None if it is damaged.

    Without a mark nothing is delivered yet. That of an early release is a number alone.
    """
    text = path.read_bytes() if path.exists() else b""
    if not text.strip():
        return Mark()
    if text.strip().isdigit():
        return Mark(int(text))
    words = stamped(path)
    if words is None:
        return None
    size, number, *checksum = words
    return Mark(int(size), int(number), *checksum)


def stamp(text: str) -> str:
    """Return the content of a mark: a text and its checksum."""
    return f"{text} {zlib.crc32(text.encode()):08x}\n"


def stamped(path: Path) -> list[str] | None:
    """Return the words of a mark without its checksum; None if there is none, or it is damaged."""
    text = path.read_bytes().decode(errors="replace") if path.exists() else ""
    words, _, _ = text.rpartition(" ")
    return words.split() if words and stamp(words) == text else None


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    new = path.with_suffix(".new")
    with new.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())  # else a power cut may leave an empty file
    new.replace(path)
