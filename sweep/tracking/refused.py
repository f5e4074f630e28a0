"""Entries that MLflow has refused: a file of one a line, each with the reason, and a mark beside it.

refused.jsonl  {"entry": {"do": …}, "reason": …} a line
set_aside      its checksum, by which a change of the file is found

It is written anew with each entry. All of it is in the journal, too: from there a damaged one is made
anew, as whatever is delivered again is refused again.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sweep.tracking.journal.marks import stamp, stamped
from sweep.tracking.outbox_entries import ENTRY
from sweep.tracking.whole_file import write_whole

REFUSED, SET_ASIDE, DAMAGED = "refused.jsonl", "set_aside", "refused.jsonl.damaged"
NO_ENTRY = "line"  # `do` of a line of the journal that is no entry


def refused(folder: Path) -> list[dict[str, Any]]:
    """Return what was set aside in the folder of an outbox, as {entry: …, reason: …} in its order.

    A line that is not as it was written is left out.
    """
    return [row for line in _lines(folder) if (row := _row(line)) is not None]


def num_refused(folder: Path) -> int:
    """Return the number of entries that were set aside in the folder of an outbox."""
    return len(_lines(folder))


def write_refused(folder: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write what is set aside anew."""
    content = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
    sums = [_sum_of(folder), f"{zlib.crc32(content):08x}"]
    write_whole(folder / SET_ASIDE, stamp(" ".join(sums)))  # a kill leaves the one or the other
    write_whole(folder / REFUSED, content)
    write_whole(folder / SET_ASIDE, stamp(sums[1]))


def forget_refused(folder: Path) -> None:
    """Have nothing count as set aside."""
    (folder / REFUSED).unlink(missing_ok=True)
    (folder / SET_ASIDE).unlink(missing_ok=True)


def forget_damaged(folder: Path) -> str:
    """Move what is set aside out of the way if it is not as it was written.

    Returns:
        A sentence that says so; empty if it is as it was written.
    """
    file = folder / REFUSED
    if (folder / SET_ASIDE).exists():
        is_sound = _sum_of(folder) in (stamped(folder / SET_ASIDE) or [])
    else:  # of an early release, or nothing was refused yet
        is_sound = None not in map(_row, _lines(folder))
    if is_sound:
        return ""
    if file.exists():
        file.replace(folder / DAMAGED)
    forget_refused(folder)
    return (
        f"{file} must be as it was written, but is not: it is kept as {DAMAGED}, and all of the "
        f"journal is delivered again"
    )


def identity(entry: dict[str, Any]) -> tuple[str, ...]:
    """Return what is equal for entries that are the same or, as files of one place, replace each other.

    entry: as a tree.
    """
    if entry["do"] == "attach":
        return str(entry["trial"]), entry["to"], Path(entry["file"]).name
    return (json.dumps(entry, sort_keys=True),)


def _sum_of(folder: Path) -> str:
    """Return the checksum of the file."""
    file = folder / REFUSED
    return f"{zlib.crc32(file.read_bytes() if file.exists() else b''):08x}"


def _lines(folder: Path) -> list[bytes]:
    """Return the lines of the file that are not empty; none without a file."""
    file = folder / REFUSED
    return (
        [line for line in file.read_bytes().splitlines() if line.strip()] if file.exists() else []
    )


def _row(line: bytes) -> dict[str, Any] | None:
    """Return the entry and the reason in a line; None if it has something else."""
    try:
        row = json.loads(line)
        if row.keys() != {"entry", "reason"} or not isinstance(row["reason"], str):
            return None
        if row["entry"]["do"] != NO_ENTRY:
            ENTRY.validate_python(row["entry"])
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError, ValidationError):
        return None
    return dict(row)
