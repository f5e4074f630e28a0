"""Write a small file in one step, so that a reader and a power cut find the old or the new content."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all: beside it, onto the disk, and then into its place.

    Raises:
        OSError: it cannot be written; what was there is left as it was.
    """
    new = path.with_name(f"{path.name}.new")
    with new.open("wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())  # else a power cut may leave an empty file
    new.replace(path)


def sync_folder(folder: Path) -> None:
    """Have a power cut leave the names of the files in a folder as they are now."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
