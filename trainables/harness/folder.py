"""The folder of the user's own tasks, as the command line has named it.

A task may bring Python code of its own. It is therefore never found by a path in a spec, which others
may have written, but only here and in the installed package.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from trainables.assets import cache
from trainables.assets.folder_files import files_below
from trainables.schema.counted import counted
from trainables.schema.text.shown import MAX_NAME, as_word

OPTION = "--harness-tasks"
MAX_FILES, MAX_BYTES = 10_000, 16 * 2**30  # of all that counts for what tasks measure


class Folder(NamedTuple):
    """A folder of tasks as it was when it was named.

    path:   absolute.
    digest: sha256 of its files, so that what was read of it is read anew if one has changed.
    """

    path: Path
    digest: str


_folder: Folder | None = None


def use(path: Path | None) -> None:
    """Let tasks be found in a folder, too, in this process from now on; None is no folder.

    Raises:
        ValueError: there is no such folder, it has no YAML file, or far more than tasks need.
    """
    global _folder
    if path is None:
        _folder = None
        return
    path = path.expanduser().resolve()
    shown = as_word(path, MAX_NAME)
    if path.is_dir():
        _refuse_much(path)
    try:
        has_yaml = bool(list(path.rglob("*.yaml")))
    except RecursionError as error:  # of hidden folders, through which the harness goes, too
        raise ValueError(
            f"{OPTION} must be a folder of tasks, but {shown} has hidden folders that lie too deep in "
            f"one another: name a folder that has the tasks alone."
        ) from error
    if not has_yaml:
        found = "has none" if path.is_dir() else "is no folder"
        raise ValueError(
            f"{OPTION} must be a folder with the YAML files of tasks, but {shown} {found}."
        )
    _folder = Folder(path, cache.digest(path))


def current() -> Folder | None:
    """Return the folder; None if none was named."""
    return _folder


def current_path() -> Path | None:
    """Return the absolute path of the folder; None if none was named."""
    return _folder.path if _folder else None


def digest_now() -> str:
    """Return the sha256 of all files of the folder as they are now; "" if none was named.

    The code of a task may read any of them.
    """
    return cache.digest(_folder.path) if _folder else ""


def _refuse_much(path: Path) -> None:
    """Raise ValueError if a folder has more files, or larger ones, than can be read for each sweep."""
    files = files_below(path)
    size = sum(file.stat().st_size for file in files.values())
    if len(files) > MAX_FILES or size > MAX_BYTES:
        raise ValueError(
            f"{OPTION} must be a folder of at most {counted(MAX_FILES, 'file')} and "
            f"{MAX_BYTES // 2**30} GiB, all of which count for what its tasks measure, but "
            f"{as_word(path, MAX_NAME)} has "
            f"{counted(len(files), 'file')} and {size / 2**30:.1f} GiB: name one of the tasks alone."
        )
