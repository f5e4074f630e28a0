"""Small files of a sweep: written in one step, and read back or refused.

A reader, and a start after a power cut, find the old content or the new one. A mark is such a file: a
line of words that ends in a checksum of its own.
"""

from __future__ import annotations

import errno
import os
import stat
import zlib
from collections.abc import Set
from pathlib import Path

MAX_LINE = 4096  # bytes of a file of one line, longer than any address or path
MARK_WIDTH = 80  # characters of a mark that is written in place, longer than any text of one


class DamagedFile(ValueError):
    """A file of a sweep is not as the sweep has written it; the sentence says what would work."""


# Why a file is not opened, as the system says such things.
NO_LINK = "a link is not followed here, put the file itself in its place"
NO_FILE = "it must be a file, but is none"


def read_line(path: Path, held: str) -> str | None:
    """Return the text of a file of one line; None if there is no such file.

    held: what it holds, with its article.

    Raises:
        DamagedFile: it is no file, cannot be read, or holds something else than one line of text.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_LINE + 1).decode().removesuffix("\n")
    except FileNotFoundError:
        return None
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    except UnicodeDecodeError:
        problem = "is no text in UTF-8"
    else:
        if text.strip() and not {"\n", "\0"} & set(text) and len(text) < MAX_LINE:
            return text
        problem = "holds something else" if text.strip() else "is empty"
    raise DamagedFile(f"{path} must hold {held}, in one line, but {problem}: put the file back.")


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all: beside it, onto the disk, and then into its place.

    Raises:
        OSError: it cannot be written; what was there is left as it was.
    """
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with open(new, "xb", opener=no_link) as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())  # else a power cut may leave an empty file
    _make_way(path)
    new.replace(path)


def no_link(path: str | os.PathLike[str], flags: int) -> int:
    """Return the descriptor of an opened file, as an opener of `open`; a link or a pipe is none.

    Whoever may write in the folder of a sweep could have it write to another file of its user.

    Raises:
        OSError: it cannot be opened, or is a link.
    """
    try:
        # Not waiting: to open a pipe would take until somebody writes into it.
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, NO_LINK, path) from None
        if error.errno == errno.ENXIO:
            raise OSError(errno.EINVAL, NO_FILE, path) from None
        raise
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise OSError(errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL, NO_FILE, path)
    return descriptor


def _make_way(path: Path) -> None:
    """Remove a link, or an empty folder, from the place of a file."""
    if path.is_symlink():
        path.unlink()
    elif path.is_dir():
        path.rmdir()


def delete(path: Path, kept: Set[Path] = frozenset()) -> None:
    """Delete a file, or a folder and all in it; do nothing if there is none. A link is deleted alone.

    kept: files that stay, and with them the folders that they are in.

    Raises:
        OSError: something cannot be deleted.
    """
    if path.is_symlink() or not path.is_dir():
        if path not in kept:
            path.unlink(missing_ok=True)
        return
    for below in path.iterdir():
        delete(below, kept)
    if not any(path.iterdir()):  # else a file in it is kept
        path.rmdir()


def sync(path: Path) -> None:
    """Have a power cut leave a file, or the names of the files in a folder, as they are now."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def stamp(text: str) -> str:
    """Return the content of a mark: a text and its checksum."""
    return f"{text} {zlib.crc32(text.encode()):08x}\n"


def write_in_place(path: Path, text: str) -> None:
    """Write a mark over the one before it, in one step; a power cut may leave that one.

    Raises:
        OSError: it cannot be written.
    """
    _make_way(path)
    descriptor = no_link(path, os.O_WRONLY | os.O_CREAT)
    try:
        os.pwrite(descriptor, f"{stamp(text).rstrip():{MARK_WIDTH}}\n".encode(), 0)
        os.ftruncate(descriptor, MARK_WIDTH + 1)  # of something else that was longer
    finally:
        os.close(descriptor)


def stamped(path: Path) -> list[str] | None:
    """Return the words of a mark without its checksum; None if there is none, or it is damaged."""
    text = path.read_bytes().decode(errors="replace").rstrip(" \n") if path.is_file() else ""
    words, _, _ = text.rpartition(" ")
    return words.split() if words and stamp(words).rstrip() == text else None
