"""What is wrong with the lines of a journal, in sentences: lines that are gone, changed, or two in one.

Numbers of lines that are gone stay gone, so that each start finds and says it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from sweep.tracking.journal.lines import Line
from trainables.schema.counted import counted

NAMED = 3  # lines, or gaps between them, that a sentence lists


def faults_of(path: Path, lines: Sequence[Line], written: int) -> list[str]:
    """Return a sentence for each kind of fault of the lines of a journal, which are in order.

    path: of the journal.
    written: the largest number that a mark says was written; 0 if that is not known.
    """
    numbers = [line.number for line in lines if line.number]
    damaged = [line.place for line in lines if line.entry is None]
    twice = sorted(number for number, other in pairwise(numbers) if number == other)
    num_written = max([written, *numbers], default=0)
    # A line that is not as it was written stands for one of the numbers that are not there.
    num_gone = num_written - (len(lines) - len(twice))
    faults = []
    if num_gone > 0:
        entries = counted(num_written, "entry that was", "entries that were")
        where = "" if damaged else f" ({_gaps(numbers, len(lines) - len(numbers), num_written)})"
        faults.append(
            f"{path} must hold {entries} written, but {counted(num_gone, 'is', 'are')} gone{where}"
        )
    if damaged:
        lines_are = counted(len(damaged), "line is", "lines are")
        faults.append(
            f"{path} must be as it was written, but {lines_are} not ({_listed(map(str, damaged))})"
        )
    if twice:
        faults.append(
            f"{path} must have one entry of each number, but has two of "
            f"{_listed(map(str, dict.fromkeys(twice)))}"
        )
    return faults


def _gaps(numbers: Sequence[int], num_early: int, last: int) -> str:
    """Return the numbers that are gone, in words.

    numbers: those that are there, in order. num_early: how many lines are before them, without a
    number. last: the largest number that was written.
    """
    gaps = [
        (one + 1, other - 1)
        for one, other in pairwise([num_early, *numbers, last + 1])
        if other > one + 1
    ]
    return _listed(f"{one}" if one == other else f"{one} to {other}" for one, other in gaps)


def _listed(words: Iterable[str]) -> str:
    """Return words in a row, the first ones if there are many."""
    every = [*words]
    return ", ".join(every[:NAMED]) + (" …" if len(every) > NAMED else "")
