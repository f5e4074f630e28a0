"""Trouble of a place where files are: no fault of a trial, which is tried again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sweep.workers import disk
from trainables.assets.errors import Unavailable
from trainables.schema.text.masking import masked

MAX_CHARS = 10_000  # characters of an error's text
# What tells that files are not as they were, and not that they cannot be read now.
GONE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class StorageTrouble(RuntimeError):
    """Checkpoints, models or data cannot be read or written where they are kept."""


@contextmanager
def storage_errors() -> Iterator[None]:
    """Raise errors of the block as StorageTrouble, except that of a full disk, which stays as it is."""
    try:
        yield
    except Exception as error:
        if disk.full_disk_in(error):
            raise
        # Without its cause, whose text Ray would write to files beside it.
        raise StorageTrouble(in_words(error)) from None


def is_trouble(error: BaseException) -> bool:
    """Whether an error of reading comes from the place and not from the files, which may be intact.

    It does if an error of the operating system or of the network is among its causes, other than that
    there is no such file.
    """
    return any(
        isinstance(link, Unavailable) or (isinstance(link, OSError) and not isinstance(link, GONE))
        for link in disk.causes(error)
    )


def in_words(error: Exception) -> str:
    """Return the kind of an error and its text, without secrets and of at most MAX_CHARS characters."""
    return bounded(f"{type(error).__name__}: {error}")


def bounded(text: str) -> str:
    """Return a text without secrets, of at most MAX_CHARS characters."""
    # A secret that the first cut has halved is left out by the second.
    return masked(text[: 2 * MAX_CHARS])[:MAX_CHARS]
