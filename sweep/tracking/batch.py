"""The entries that are under way to MLflow together, and the patience with some that it refuses."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sweep.tracking.entries.kinds import Attached, Entry
from sweep.tracking.entries.parts import parts

MAX_ENTRY_S = 60.0  # that entries of a kind may fail one by one while MLflow takes others
MAX_FILE_S = 10.0  # the same of files, which `sweep sync` tries again


@dataclass
class Batch:
    """Some entries, sent again until each of them, or all of its parts, is settled.

    What is settled is not sent again with what is left, or some that fail by turns would hold it up for
    ever.

    entries: in the order of the journal.
    end: number of bytes of the journal up to their end.
    """

    entries: list[Entry] = field(default_factory=list)
    end: int = 0
    _settled: set[int] = field(default_factory=set)  # ids of entries and of parts
    _parts: dict[int, list[Entry]] = field(default_factory=dict)  # by the id of the entry

    def settle(self, entries: Iterable[Entry]) -> None:
        """Note that these entries, or parts, were taken or set aside."""
        self._settled.update(map(id, entries))

    def left_of(self, entries: Sequence[Entry]) -> list[Entry]:
        """Return those of some entries, or parts, that are not settled."""
        return [entry for entry in entries if id(entry) not in self._settled]

    def divided(self, entries: Sequence[Entry], files: Path) -> list[list[Entry]]:
        """Return smaller lists of entries that together record the same; none if that cannot be.

        files: the folder of the files that entries attach.
        """
        if len(entries) > 1:
            half = len(entries) // 2
            return [list(entries[:half]), list(entries[half:])]
        (entry,) = entries
        if id(entry) not in self._parts:
            self._parts[id(entry)] = parts(entry, files)
        return [[part] for part in self._parts[id(entry)]]

    def with_parts(self) -> list[Entry]:
        """Return the entries, and all parts into which some were divided."""
        return [*self.entries, *(part for of_entry in self._parts.values() for part in of_entry)]


@dataclass
class Patience:
    """With single entries that fail although MLflow takes others, for a reason that may pass.

    is_tried: whether some entries failed that have not been taken since. Before that, a failure is
        taken for one of the moment.
    failing_since: the time at which entries of a kind began to fail, by the kind; a name of files is a
        kind.
    waits_for: the entry that fails alone, in words; empty if none does, or everything.
    """

    is_tried: bool = False
    failing_since: dict[str, float] = field(default_factory=dict)
    waits_for: str = ""

    def is_over(self, entry: Entry) -> bool:
        """Return whether entries of this kind have failed for longer than they may."""
        began = self.failing_since.setdefault(_kind(entry), time.monotonic())
        longest_s = MAX_FILE_S if isinstance(entry, Attached) else MAX_ENTRY_S
        return time.monotonic() - began > longest_s

    def renew(self, entries: Sequence[Entry]) -> None:
        """Note that MLflow has taken these entries."""
        for entry in entries:
            self.failing_since.pop(_kind(entry), None)


def _kind(entry: Entry) -> str:
    """Return what is equal for entries that are likely to be refused alike."""
    return entry.file.rpartition("/")[2] if isinstance(entry, Attached) else entry.do
