"""Read the entries in the journal of an outbox, also while another process writes it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from sweep.tracking.entries.kinds import ENTRY
from sweep.tracking.journal.journal import JOURNAL
from sweep.tracking.journal.lines import lines_from

if TYPE_CHECKING:
    from sweep.tracking.entries.kinds import Entry


def entries_of(folder: Path, end: int = sys.maxsize, *, start: int = 0) -> Iterator[Entry]:
    """Yield the entries in the folder of an outbox, from a byte of its journal to another.

    What is no entry is left out.
    """
    if not (folder / JOURNAL).is_file():
        return
    with (folder / JOURNAL).open("rb") as file:
        for line in lines_from(file, start, end):
            with suppress(ValidationError):
                if line.entry is not None:
                    yield ENTRY.validate_json(line.entry)
