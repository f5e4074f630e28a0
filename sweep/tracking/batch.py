"""The entries that are under way to MLflow together, and which of them it has yet to take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sweep.tracking.outbox_entries import Entry, parts


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
