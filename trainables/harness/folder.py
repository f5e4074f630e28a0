"""The folder of the user's own tasks, as the command line has named it.

A task may bring Python code of its own. It is therefore never found by a path in a spec, which others
may have written, but only here and in the installed package.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from trainables.assets import cache

OPTION = "--harness-tasks"


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
        ValueError: there is no such folder, or it has no YAML file.
    """
    global _folder
    if path is None:
        _folder = None
        return
    path = path.expanduser().resolve()
    if not any(path.rglob("*.yaml")):
        found = "has none" if path.is_dir() else "is no folder"
        raise ValueError(
            f"{OPTION} must be a folder with the YAML files of tasks, but {path} {found}."
        )
    _folder = Folder(path, cache.digest(path))


def current() -> Folder | None:
    """Return the folder; None if none was named."""
    return _folder


def current_path() -> Path | None:
    """Return the absolute path of the folder; None if none was named."""
    return _folder.path if _folder else None
