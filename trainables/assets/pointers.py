"""Pointers of Git LFS, which a clone has in place of large files that were not fetched."""

from __future__ import annotations

from pathlib import Path

BEGIN = b"version https://git-lfs.github.com/spec/"


def refuse_pointer(file: Path, name: object) -> None:
    """Refuse a file that only says where its contents are.

    name: of the file, for the sentence.

    Raises:
        ValueError: it is a pointer of Git LFS.
        OSError: it cannot be read.
    """
    with file.open("rb") as stream:
        if stream.read(len(BEGIN)) == BEGIN:
            raise ValueError(
                f"{name}: must be the file itself, but is a Git LFS pointer to it: fetch it with "
                f"`git lfs pull`."
            )
