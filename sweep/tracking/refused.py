"""Entries that MLflow has refused: a file of one a line, each with the reason, and a mark beside it.

refused.jsonl  {"entry": {"do": …}, "reason": …} a line
set_aside      its checksum, by which a change of the file is found

All of it is in the journal, too: from there a damaged one is made anew, as whatever is delivered again
is refused again.
"""

from __future__ import annotations

import errno
import json
import os
import zlib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sweep.tracking.entries.kinds import ENTRY
from sweep.tracking.whole_file import no_link, stamped, write_in_place, write_whole
from trainables.schema.plain_json import from_json

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


class RefusedEntries:
    """What is set aside in the folder of an outbox. One process writes it.

    fault: a sentence that says that the file was not as it was written, and was moved out of the way;
        empty if it was.
    """

    def __init__(self, folder: Path) -> None:
        """Check the file.

        Raises:
            OSError: it cannot be read or moved.
        """
        self._file, self._mark = folder / REFUSED, folder / SET_ASIDE
        self.fault = self._forget_damaged()
        self._rows = {identity(row["entry"]): row for row in refused(folder)}
        self._sum = zlib.crc32(_content(folder))

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Return what was set aside, as {entry: …, reason: …} in its order."""
        return list(self._rows.values())

    def add(self, entry: dict[str, Any], reason: str) -> dict[str, Any] | None:
        """Set aside an entry, given as a tree; return the row that it replaces, if there is one.

        Raises:
            OSError: it cannot be written.
        """
        key, row = identity(entry), {"entry": entry, "reason": reason}
        replaced = self._rows.get(key)
        if replaced == row:  # as after every entry was delivered again
            return replaced
        if replaced:
            self._write_anew({k: r for k, r in self._rows.items() if k != key} | {key: row})
        else:
            self._append(f"{json.dumps(row)}\n".encode())
            self._rows[key] = row
        return replaced

    def files(self) -> list[dict[str, Any]]:
        """Return the entries that attach files, as trees."""
        return [row["entry"] for row in self.rows if _attaches(row)]

    def forget_files(self) -> None:
        """Have the entries that attach files count as set aside no more.

        Raises:
            OSError: it cannot be written.
        """
        if self.files():
            self._write_anew({key: row for key, row in self._rows.items() if not _attaches(row)})

    def forget(self) -> None:
        """Have nothing count as set aside."""
        self._file.unlink(missing_ok=True)
        self._mark.unlink(missing_ok=True)
        self._rows, self._sum = {}, zlib.crc32(b"")

    def _append(self, line: bytes) -> None:
        """Write a line behind the others: many may be refused, and none is written twice."""
        new_sum = zlib.crc32(line, self._sum)
        # A kill leaves the one or the other.
        write_in_place(self._mark, f"{self._sum:08x} {new_sum:08x}")
        with open(self._file, "ab", buffering=0, opener=no_link) as file:
            size_before = file.tell()
            try:
                if file.write(line) < len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._file))
                os.fsync(file.fileno())
            except BaseException:
                file.truncate(size_before)
                raise
        write_in_place(self._mark, f"{new_sum:08x}")
        self._sum = new_sum

    def _write_anew(self, rows: dict[tuple[str, ...], dict[str, Any]]) -> None:
        """Write these instead of all lines, in one step."""
        content = "".join(f"{json.dumps(row)}\n" for row in rows.values()).encode()
        new_sum = zlib.crc32(content)
        write_in_place(self._mark, f"{self._sum:08x} {new_sum:08x}")
        write_whole(self._file, content)
        write_in_place(self._mark, f"{new_sum:08x}")
        self._rows, self._sum = rows, new_sum

    def _forget_damaged(self) -> str:
        """Move the file out of the way if it is not as it was written; return `fault`."""
        folder = self._file.parent
        if self._mark.exists():
            is_sound = f"{zlib.crc32(_content(folder)):08x}" in (stamped(self._mark) or [])
        else:  # of an early release, or nothing was refused yet
            is_sound = None not in map(_row, _lines(folder))
        if is_sound:
            return ""
        if self._file.exists():
            self._file.replace(folder / DAMAGED)
        self.forget()
        return (
            f"{self._file} must be as it was written, but is not: it is kept as {DAMAGED}, and all of "
            f"the journal is delivered again"
        )


def identity(entry: dict[str, Any]) -> tuple[str, ...]:
    """Return what is equal for entries that are the same or, as files of one place, replace each other.

    entry: as a tree.
    """
    if entry["do"] == "attach":
        return str(entry["trial"]), entry["to"], Path(entry["file"]).name
    return (json.dumps(entry, sort_keys=True),)


def _attaches(row: dict[str, Any]) -> bool:
    """Return whether what was set aside attaches a file."""
    return bool(row["entry"]["do"] == "attach")


def _content(folder: Path) -> bytes:
    """Return the bytes of the file; none without one."""
    file = folder / REFUSED
    if not file.exists():
        return b""
    with open(file, "rb", opener=no_link) as stream:
        return stream.read()


def _lines(folder: Path) -> list[bytes]:
    """Return the lines of the file that are not empty."""
    return [line for line in _content(folder).splitlines() if line.strip()]


def _row(line: bytes) -> dict[str, Any] | None:
    """Return the entry and the reason in a line; None if it has something else."""
    try:
        row = from_json(line)
        if row.keys() != {"entry", "reason"} or not isinstance(row["reason"], str):
            return None
        if row["entry"]["do"] != NO_ENTRY:
            ENTRY.validate_python(row["entry"])
    except (AttributeError, KeyError, TypeError, ValueError, ValidationError):
        return None
    return dict(row)
