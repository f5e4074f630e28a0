"""Pairs of a stereotype and its twin: the form in which every alignment set gives its data.

A file of them in the cache has an array of JSON a line, a line a pair.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple


class Pair(NamedTuple):
    """Two sentences that differ in the group of people that they are about.

    Attributes:
        stereotype: the sentence with the stereotype.
        antistereotype: its twin, the same with the group exchanged.
        original_is_stereotype: True if the stereotype is the text of the corpus and its opposite was
            made from it; False if the opposite is the text of the corpus.
        real_share: of the people in the occupation that the pair is about, the share (0 to 1) who
            are of the stereotype's gender; None without an occupation that has statistics.
    """

    stereotype: str
    antistereotype: str
    original_is_stereotype: bool = True
    real_share: float | None = None


def real_share(percentage_of_women: float | None, female: bool) -> float | None:
    """Return the share, from 0 to 1, of an occupation's people who are of the stereotype's gender.

    Args:
        percentage_of_women: women in the occupation, from 0 to 100; None if it is not known. The
            share is then None too.
        female: whether the stereotype is of a woman.
    """
    if percentage_of_women is None:
        return None
    return (percentage_of_women if female else 100 - percentage_of_women) / 100


def write_pairs(file: Path, pairs: Iterable[Pair]) -> None:
    """Write pairs, in their order, into a new file."""
    with file.open("w", encoding="utf-8") as stream:
        for pair in pairs:
            stream.write(f"{json.dumps(pair)}\n")


def pairs_in(file: Path) -> Iterator[Pair]:
    """Yield the pairs that `write_pairs` has written into a file, the same to the last bit."""
    with file.open(encoding="utf-8") as stream:
        for line in stream:
            yield Pair(*json.loads(line))
