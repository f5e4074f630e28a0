"""The marks beside a journal: how much of it was written, and how much of it MLflow has.

A mark is written behind what it speaks of: after a kill or a power cut it may be behind, never ahead.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from analysis.record.names import is_whole_number
from sweep.tracking.whole_file import stamped

WRITTEN, DELIVERED = "written", "delivered"


class Mark(NamedTuple):
    """How far a journal is delivered. number and sum: of the last line; 0 and "" if not known."""

    size: int = 0
    number: int = 0
    sum: str = ""


def read_mark(path: Path) -> Mark | None:
    """Return what the mark of the delivery says; None if it is damaged.

    Without a mark nothing is delivered yet. That of an early release is a number alone.
    """
    if path.exists() and not path.is_file():
        return None
    content = path.read_bytes() if path.exists() else b""
    if not content.strip():
        return Mark()
    text = content.decode(errors="replace").strip()
    if is_whole_number(text):
        return Mark(int(text))
    match stamped(path):
        case [size, number] if is_whole_number(size) and is_whole_number(number):
            return Mark(int(size), int(number))
        case [size, number, checksum] if is_whole_number(size) and is_whole_number(number):
            return Mark(int(size), int(number), checksum)
    return None


def read_written(path: Path) -> int | None:
    """Return the number of the last line that a mark says was written; None if it is damaged.

    It is 0 without a mark.
    """
    match stamped(path):
        case [number] if is_whole_number(number):
            return int(number)
    return None if path.exists() else 0
