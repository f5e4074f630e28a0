"""The files of a folder that count: for its digest, and for whether it is as it was built."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from trainables.schema.counted import counted
from trainables.schema.text.shown import as_word

MAX_ENTRIES = 50_000  # files and folders below a folder; a link may lead to a whole disk
MAX_DEPTH = 100  # folders in one another


class TooMany(ValueError):
    """A folder has more files, or deeper ones, than can be looked at each time it is read."""


def files_below(folder: Path) -> dict[str, Path]:
    """Return all files below a folder, sorted by their relative names, without hidden ones.

    Links are followed wherever they lead, as those who read the folder do, but for one back to a
    folder that it lies in. What Python compiles beside the code that it reads is left out.

    Raises:
        TooMany: there are more than MAX_ENTRIES, or folders more than MAX_DEPTH deep.
        OSError: the folder cannot be read.
    """
    names = []
    for number, name in enumerate(_below(folder, Path(), (folder.resolve(),))):
        if number >= MAX_ENTRIES:
            raise TooMany(
                f"{folder} must be a folder of at most {counted(MAX_ENTRIES, 'file')}, its links "
                f"followed, but has more: give a folder with what is to be read alone."
            )
        names.append(name)
    files = {name.as_posix(): folder / name for name in sorted(names, key=Path.as_posix)}
    return {name: file for name, file in files.items() if file.is_file()}


def _below(top: Path, name: Path, around: tuple[Path, ...]) -> Iterator[Path]:
    """Yield the names of all that is below a folder.

    name: of the folder, from the top. around: the folder and those that it lies in, links resolved.

    Raises:
        TooMany: the folder lies too deep.
    """
    if len(name.parts) > MAX_DEPTH:
        raise TooMany(
            f"{top} must have at most {counted(MAX_DEPTH, 'folder')} in one another, but has more, "
            f"{as_word(name)} for one: give a folder with what is to be read alone."
        )
    for entry in os.listdir(top / name):
        if entry.startswith(".") or entry == "__pycache__":
            continue
        yield name / entry
        if (top / name / entry).is_dir():
            inner = (top / name / entry).resolve()
            if inner not in around:
                try:
                    yield from _below(top, name / entry, (*around, inner))
                except PermissionError:  # as of lost+found: nobody here reads what is in it
                    continue
