"""The marks beside a journal: how much of it was written, and how much of it MLflow has.

A mark is a line of words that ends in a checksum of its own. It is written in one step, behind what it
speaks of: after a kill or a power cut it may be behind, and never ahead.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import NamedTuple

from analysis.record.names import is_number

WRITTEN, DELIVERED = "written", "delivered"
WIDTH = 80  # characters of a mark that is written in place, longer than any text of one


class Mark(NamedTuple):
    """How far a journal is delivered. number and sum: of the last line; 0 and "" if not known."""

    size: int = 0
    number: int = 0
    sum: str = ""


def read_mark(path: Path) -> Mark | None:
    """Return what the mark of the delivery says; None if it is damaged.

    Without a mark nothing is delivered yet. That of an early release is a number alone.
    """
    content = path.read_bytes() if path.exists() else b""
    if not content.strip():
        return Mark()
    text = content.decode(errors="replace").strip()
    if is_number(text):
        return Mark(int(text))
    match stamped(path):
        case [size, number] if is_number(size) and is_number(number):
            return Mark(int(size), int(number))
        case [size, number, checksum] if is_number(size) and is_number(number):
            return Mark(int(size), int(number), checksum)
    return None


def read_written(path: Path) -> int | None:
    """Return the number of the last line that a mark says was written; None if it is damaged.

    It is 0 without a mark.
    """
    match stamped(path):
        case [number] if is_number(number):
            return int(number)
    return None if path.exists() else 0


def stamp(text: str) -> str:
    """Return the content of a mark: a text and its checksum."""
    return f"{text} {zlib.crc32(text.encode()):08x}\n"


def write_in_place(path: Path, text: str) -> None:
    """Write a mark over the one before it, in one step that waits for no disk.

    What a trial waits for is on the disk before. A power cut may leave the mark as it was then.

    Raises:
        OSError: it cannot be written.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
    try:
        os.pwrite(descriptor, f"{stamp(text).rstrip():{WIDTH}}\n".encode(), 0)
    finally:
        os.close(descriptor)


def stamped(path: Path) -> list[str] | None:
    """Return the words of a mark without its checksum; None if there is none, or it is damaged."""
    text = path.read_bytes().decode(errors="replace").rstrip(" \n") if path.exists() else ""
    words, _, _ = text.rpartition(" ")
    return words.split() if words and stamp(words).rstrip() == text else None
