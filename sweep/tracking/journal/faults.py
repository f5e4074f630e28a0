"""What is wrong with the lines of a journal, in sentences: lines that are gone, changed, or two in one.

Numbers of lines that are gone stay gone, so that each start finds and says it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from sweep.tracking.journal.lines import Line
from trainables.schema.counted import counted, numbered
from trainables.schema.plain_json import from_json

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
    ran = _ran_at_gaps(lines, num_written) if num_gone > 0 or damaged else []
    whose = f"; perhaps some of {numbered('trial', ran)}" if ran else ""
    if num_gone > 0:
        entries = counted(num_written, "entry that was", "entries that were")
        where = "" if damaged else f" ({_gaps(numbers, len(lines) - len(numbers), num_written)})"
        are_gone = counted(num_gone, "is gone", "are gone")
        faults.append(f"{path} must hold {entries} written, but {are_gone}{where}{whose}")
    if damaged:
        lines_are = counted(len(damaged), "line is", "lines are")
        where = _listed(map(str, damaged))
        faults.append(f"{path} must be as it was written, but {lines_are} not ({where}){whose}")
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


def _ran_at_gaps(lines: Sequence[Line], num_written: int) -> list[int]:
    """Return the numbers of the trials that ran, by the lines, where others are gone or changed.

    num_written: the largest number that was written.
    """
    found: set[int] = set()
    running: set[int] = set()
    opened: set[int] = set()
    last = 0
    for line in lines:
        if line.entry is None or line.number > last + 1:
            found |= running
        last = line.number or last + 1
        entry = _tree(line)
        trial = entry.get("trial")
        if not isinstance(trial, int):
            continue
        if trial not in opened and entry.get("do") != "open":
            found.add(trial)  # its beginning is gone
        opened.add(trial)
        (running.discard if entry.get("do") == "close" else running.add)(trial)
    return sorted(found | running if last < num_written else found)


def _tree(line: Line) -> dict[str, Any]:
    """Return the entry of a line as a tree; an empty one if it has none."""
    try:
        tree = from_json(line.entry or b"{}")
    except ValueError:
        return {}
    return tree if isinstance(tree, dict) else {}


def _listed(words: Iterable[str]) -> str:
    """Return words in a row, the first ones if there are many."""
    every = [*words]
    return ", ".join(every[:NAMED]) + (" …" if len(every) > NAMED else "")
