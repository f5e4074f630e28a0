"""Optuna's file of a journal, with a mark beside it by which a change of what was written is found."""

from __future__ import annotations

import json
import logging
import zlib
from pathlib import Path
from typing import Any

from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from analysis.record.names import is_whole_number
from sweep.tracking.whole_file import DamagedFile, stamp, stamped, write_in_place, write_whole

log = logging.getLogger(__name__)


class MarkedFile(JournalFileBackend):
    """Optuna's file of a journal, and a mark beside it: how many bytes were written, and their sum.

    By the mark a change is found that leaves lines which Optuna takes.
    """

    def __init__(self, path: Path) -> None:
        """Go on from the file as it is."""
        super().__init__(str(path), lock_obj=JournalFileOpenLock(str(path)))
        self._path, self._size, self._sum = path, 0, 0
        self._marked_size, _ = _read(path)
        self._mark_written()

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append operations, then move the mark behind them.

        A mark of more than an older copy holds does not fit what is written in place of the rest. So
        it is moved back, and onto the disk, before the file becomes as long: a kill at any moment
        leaves a mark that fits.
        """
        longest = sum(len(json.dumps(operation).encode()) + 1 for operation in logs)
        if self._size < self._marked_size <= self._size + longest:
            write_whole(mark_of(self._path), stamp(f"{self._size} {self._sum:08x}"))
            self._marked_size = self._size
        super().append_logs(logs)
        self._mark_written()

    def _mark_written(self) -> None:
        """Write the mark anew, unless the file is shorter than the mark says.

        Then it is an older copy or was cut, and an intact one may be put back, which the mark fits. A
        power cut may lose the mark: then nothing is known of the content.
        """
        with self._path.open("rb") as file:
            file.seek(self._size)
            added = file.read()
        self._size, self._sum = self._size + len(added), zlib.crc32(added, self._sum)
        if self._size >= self._marked_size:
            write_in_place(mark_of(self._path), f"{self._size} {self._sum:08x}")


def mark_of(path: Path) -> Path:
    """Return the path of the mark of a journal."""
    return path.with_name(f"{path.name}.written")


def refuse_changed(path: Path) -> None:
    """Raise DamagedFile if the content of a journal is not as it was written.

    One that is shorter is an older copy, or was cut: what its trials say in the record tells. So it is
    if the mark is damaged or gone, which is said.
    """
    mark, content = mark_of(path), path.read_bytes()
    # One that is empty was begun by a process that was killed before it made the mark.
    if stamped(mark) is None and (mark.exists() or content):
        fault = "is damaged" if mark.exists() else "is not there (early releases made none)"
        log.warning(
            "%s must hold the size and the checksum of %s, but %s: it is made anew, and a change that "
            "was made of %s before is found only if a trial that has ended differs from the record",
            mark, path.name, fault, path.name,
        )  # fmt: skip
    size, checksum = _read(path)
    if 0 < size <= len(content) and f"{zlib.crc32(content[:size]):08x}" != checksum:
        raise DamagedFile(
            f"{path} must be as it was written, but its first {size} bytes are not: put an intact copy "
            f"back, or start anew with --replace."
        )


def _read(path: Path) -> tuple[int, str]:
    """Return (number of bytes, checksum) that the mark of a journal says; (0, "") without one."""
    match stamped(mark_of(path)):
        case [size, checksum] if is_whole_number(size):
            return int(size), checksum
    return 0, ""
