"""Open a file of text: unpack and decode it, with a sentence for each file that is none."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from trainables.data.files.bounded import bounded
from trainables.data.files.kinds import is_packed

PART = 1 << 20  # bytes that are decoded at once
# The longer mark first: that of UTF-32 begins with that of UTF-16.
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# How other files begin, and what to do with them.
BEGINNINGS = {
    b"\x1f\x8b": "packed by gzip: let its name end in .gz",
    b"PK\x03\x04": "a zip file, as Excel's .xlsx is: save the table as CSV in UTF-8",
    b"PAR1": "Parquet: let its name end in .parquet",
}


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """Return a context with the bytes of a file, unpacked if its name ends in .gz.

    Raises:
        ValueError: the name ends in .gz, and the file is not packed, or not whole.
    """
    if not is_packed(path):
        with path.open("rb") as file:
            yield file
        return
    try:
        with gzip.open(path, "rb") as packed:
            yield cast(BinaryIO, packed)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: must be whole and packed by gzip, but {error}.") from error


@contextmanager
def open_text(path: Path, is_whole: bool = False) -> Iterator[TextIO]:
    """Return a context with the text of a file, whose ends of lines are kept as they are.

    The encoding is UTF-8, or UTF-16 or UTF-32 where the file begins with their byte-order mark.

    Args:
        is_whole: whether the text is read as a whole, rather than line by line.

    Raises:
        ValueError: the file is of another encoding, or no text at all; the sentence names the first
            wrong byte and its line. Or it is too large, see `bounded`.
    """
    with open_bytes(path) as file:
        beginning = file.read(4)
    encoding = next((name for mark, name in MARKS.items() if beginning.startswith(mark)), "utf-8")
    if encoding == "utf-8":
        _refuse_other_kinds(path, beginning)
        # Spreadsheets put a byte-order mark before the first heading. A part of one is no text, which
        # utf-8-sig would drop without a word.
        encoding = "utf-8-sig" if beginning.startswith(codecs.BOM_UTF8) else "utf-8"
    try:
        with (
            open_bytes(path) as file,
            bounded(file, path, is_whole) as bytes_of_text,
            io.TextIOWrapper(bytes_of_text, encoding=encoding, newline="") as text,
        ):
            yield text
    except UnicodeDecodeError as error:
        raise ValueError(_first_wrong_byte(path, encoding.removesuffix("-sig"))) from error


def _refuse_other_kinds(path: Path, beginning: bytes) -> None:
    """Raise ValueError if the first bytes are those of a file of another kind."""
    for start, kind in BEGINNINGS.items():
        if beginning.startswith(start):
            raise ValueError(f"{path}: must be a file of text, but is {kind}.")
    if beginning.startswith(b"\0\0") or beginning == b"\0":
        raise ValueError(
            f"{path}: must be a file of text, but begins with NUL bytes, as one does that was written "
            "in part alone: get the file again, or save it as UTF-8."
        )
    if b"\0" in beginning[:2]:
        raise ValueError(
            f"{path}: must be UTF-8, but begins as UTF-16 without a byte-order mark does: save it as "
            "UTF-8."
        )


def _first_wrong_byte(path: Path, encoding: str) -> str:
    """Return the sentence about the first bytes of a file that are not of its encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    with open_bytes(path) as file:
        for part in iter(lambda: file.read(PART), b""):
            try:
                line += decoder.decode(part).count("\n")
            except UnicodeDecodeError as error:
                return _about_byte(error, path, line, encoding)
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return _about_byte(error, path, line, encoding)
    return f"{path}: must stay as it is while it is read, but has changed."


def _about_byte(error: UnicodeDecodeError, path: Path, line: int, encoding: str) -> str:
    """Return the sentence about a wrong byte in a part of a file.

    Args:
        line: the one on which the part begins, counted from 1.
    """
    before, wrong = error.object[: error.start], error.object[error.start : error.end]
    line += before.decode(error.encoding, "ignore").count("\n")
    in_windows = wrong.decode("cp1252", "ignore") if encoding == "utf-8" else ""
    meant = f" ({in_windows!r} in Windows-1252)" if in_windows.isprintable() and in_windows else ""
    return (
        f"{path}, line {line}: must be {encoding.upper()}, but has the byte 0x{wrong.hex()}"
        f"{meant}: save the file as UTF-8."
    )
