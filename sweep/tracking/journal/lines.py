"""The lines of a journal: an entry each, as JSON, with its number and a checksum at the end.

    {"do": …, "number": 12, "sum": "1a2b3c4d"}

Numbers begin with 1 and grow by one. Lines of early releases have neither.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

END = re.compile(rb',"number":([1-9]\d{0,15}),"sum":"([0-9a-f]{8})"\}\n\Z')
PARTS = (b',"number":', b',"sum":"')
TAIL = 4096  # bytes in which the last line mostly is
MAX_END = 64  # bytes of the longest end of a line


class Line(NamedTuple):
    """A line of the journal.

    end: number of bytes of the journal up to its end.
    place: its number among the lines that were read with it, counted from 1.
    number: its own number; 0 for a line of an early release, and for one that is not as it was written.
    entry: its entry, as JSON; None if the line is not as it was written.
    """

    end: int
    place: int
    number: int
    entry: bytes | None


def lines_of(content: bytes) -> list[Line]:
    """Return the lines of a journal with this content."""
    return [*parsed(split(content))]


def split(content: bytes) -> list[bytes]:
    """Return the whole lines of a content. They end in a line feed, which is in no entry."""
    return [line + b"\n" for line in content.split(b"\n")[:-1]]


def last_line(path: Path) -> bytes:
    """Return the last line of a file, read from its end; with its line break, if it has one."""
    num_bytes = TAIL
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        while True:
            file.seek(max(0, size - num_bytes))
            tail = file.read()
            _, line_break, line = tail[:-1].rpartition(b"\n")
            if line_break or num_bytes >= size:
                return line + tail[-1:]
            num_bytes *= 4


def lines_from(file: BinaryIO, start: int, size: int | None = None) -> Iterator[Line]:
    """Yield the lines of an open journal from the end of one on, up to a size; 0 is the beginning."""
    file.seek(max(0, start - MAX_END))
    number_before, _ = last_end_in(file.read(min(start, MAX_END)))
    yield from parsed(iter(file.readline, b""), start, size, has_numbers=number_before > 0)


def parsed(
    lines: Iterable[bytes], start: int = 0, size: int | None = None, *, has_numbers: bool = False
) -> Iterator[Line]:
    """Yield lines of a journal with what they hold, up to a size, or to one without its line break.

    start: number of bytes before them. has_numbers: whether there is a line with a number before them.
    """
    end = start
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


def entry_in(line: bytes) -> bytes | None:
    """Return the entry in a line with its line break, as JSON; None if it is not as it was written."""
    return next((found.entry for found in parsed([line])), None)


def line_of(entry: bytes, number: int) -> bytes:
    """Return the line of an entry, a mapping in JSON, with its number and checksum."""
    head = entry[:-1]
    return head + end_of(number, _sum(head, number))


def end_of(number: int, checksum: str) -> bytes:
    """Return the end of a line."""
    return b',"number":%d,"sum":"%s"}\n' % (number, checksum.encode())


def last_end_in(content: bytes) -> tuple[int, str]:
    """Return number and checksum of the last line of a content; (0, "") if it has none."""
    found = END.search(content[-MAX_END:])
    return (int(found[1]), found[2].decode()) if found else (0, "")


def in_order(content: bytes) -> bytes:
    """Return the lines of a content in the order of their numbers, each once.

    A line that is not as it was written stays behind the one before it.
    """
    lines, raw_lines = lines_of(content), split(content)
    numbers = [line.number for line in lines if line.number]
    if all(one < other for one, other in pairwise(numbers)):
        return content
    last, seen = 0, set[bytes]()
    kept: list[tuple[int, bytes]] = []
    for line, raw in zip(lines, raw_lines, strict=True):
        last = line.number or last
        if not line.number or raw not in seen:
            kept.append((last, raw))
        seen.add(raw)
    return b"".join(raw for _, raw in sorted(kept, key=lambda one: one[0]))


def _sum(head: bytes, number: int) -> str:
    """Return the checksum of a line. head: what comes before its number."""
    return f"{zlib.crc32(b'%d' % number, zlib.crc32(head)):08x}"
