"""Other machines that work for the same sweep, from which this one may have what they have built."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path


class Others:
    """The machines that build entries of the cache for each other; by default this one is alone."""

    @contextmanager
    def entry(self, folder_name: str, folder: Path) -> Iterator[bool]:
        """Within the block, an empty folder is to be filled with an entry, unless the others had it.

        Yield whether they had: then it is filled already, or the entry is in the cache meanwhile. If it
        is filled in the block, the others get what is in it at the end.
        """
        yield False

    def input(self, name: str) -> Path | None:
        """Return a copy of a path that another machine has, given in a configuration; None without."""
        return None


_others = Others()


def share_with(others: Others) -> Others:
    """Have entries built once for several machines from now on; return those of before."""
    global _others
    before, _others = _others, others
    return before


def entry(folder_name: str, folder: Path) -> AbstractContextManager[bool]:
    """Return the block of Others.entry, of those that entries are shared with."""
    return _others.entry(folder_name, folder)


def input_of_others(name: str) -> Path | None:
    """Return a copy of a path that this machine lacks and another one has, or None."""
    return _others.input(name)
