"""Read the bytes of a file of data up to a limit: a small packed file may unpack without end."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, BinaryIO, cast

MAX_DATA = 2**30  # bytes of a file that is read line by line, unpacked
MAX_WHOLE = 2**26  # bytes of one that is held in memory as a whole, unpacked
MAX_LINE = 2**24  # bytes
MAX_ROWS = 10_000_000  # of a file
PART = 2**16  # bytes that are read at once


def bounded(file: BinaryIO, path: Path, is_whole: bool) -> BinaryIO:
    """Return a reader of a file's bytes that stops where these are too many.

    Args:
        file: is closed with the reader.
        path: of the file, for the sentence.
        is_whole: whether the file is held in memory as a whole, rather than line by line.

    Returns:
        The reader, whose reads raise ValueError behind MAX_WHOLE bytes; or behind MAX_DATA bytes, or
        MAX_LINE bytes without the end of a line.
    """
    return cast(BinaryIO, io.BufferedReader(_Bounded(file, path, is_whole), buffer_size=PART))


class _Bounded(io.RawIOBase):
    """The bytes of a file, up to a limit."""

    def __init__(self, file: BinaryIO, path: Path, is_whole: bool) -> None:
        """Take what `bounded` takes."""
        self._file = file
        self._path = path
        self._is_whole = is_whole
        self._bytes_read = 0
        self._end_of_line = 0  # bytes of the file up to the end of its last line that was read

    def readable(self) -> bool:
        """Return True: the file is open for reading."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer; return the number of bytes that it has got, 0 at the end of the file.

        Raises:
            ValueError: the file, or a line of it, has too many.
        """
        target = memoryview(buffer).cast("B")
        part = self._file.read(len(target))
        target[: len(part)] = part
        end = max(part.rfind(b"\n"), part.rfind(b"\r")) + 1
        if end:
            self._end_of_line = self._bytes_read + end
        self._bytes_read += len(part)
        self._refuse_too_many()
        return len(part)

    def _refuse_too_many(self) -> None:
        """Raise ValueError if too many bytes were read."""
        limit = MAX_WHOLE if self._is_whole else MAX_DATA
        if self._bytes_read > limit:
            other = ", or write one object a line, as .jsonl" if self._is_whole else ""
            raise ValueError(
                f"{self._path}: must have at most {limit >> 20:,} MiB, unpacked, but has more: take a "
                f"part of it{other}."
            )
        if not self._is_whole and self._bytes_read - self._end_of_line > MAX_LINE:
            raise ValueError(
                f"{self._path}: must have at most {MAX_LINE >> 20} MiB in a line, but a line has more: "
                "write one text a line."
            )

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()
