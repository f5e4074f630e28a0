"""The pairs of an alignment set in a file of the cache: an array of JSON a line, a line a pair."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from trainables.data.pairs import Pair


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
