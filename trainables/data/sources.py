"""Alignment sets and general texts by name: a known set, or the user's file."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import get_args

from trainables.data.counterfactual import Rule, Words
from trainables.data.pairs import Pair
from trainables.data.sets import ALIGNMENT_SETS, SETS, TEXT_SETS, AlignmentSet, UserFile

SUFFIXES = (".jsonl", ".csv", ".txt")


def check_name(name: str, known: Collection[str], what: str) -> str:
    """Return the name, if it is a known set or a file; files are looked for where the trial runs.

    Raises:
        ValueError: it is neither.
    """
    if name in known or name.endswith(SUFFIXES):
        return name
    raise ValueError(
        f"must name {what} that are known ({', '.join(known)}) "
        f"or a file ({', '.join(SUFFIXES)}), but got {name!r}"
    )


def check_swap(name: str, rule: Rule, words: Words) -> None:
    """Refuse to swap words where twins are given, or by a list that the set has no words of.

    Whether a file has pairs or texts is seen when it is read.

    Raises:
        ValueError: which set, and what it allows.
    """
    chosen = _alignment_set(name)
    if not chosen.swapped and (rule, words) != ("improved", "gender"):
        swapped = [name for name, each in ALIGNMENT_SETS.items() if each.swapped]
        raise ValueError(
            f"swap and words must be left out for {name}, whose pairs are given, but got {rule} and "
            f"{words}: they are for {', '.join(swapped)} and files of texts"
        )
    if words not in chosen.words:
        others = [each for each in get_args(Words) if each not in chosen.words]
        raise ValueError(
            f"words must be {' or '.join(chosen.words)} for {name}, which tells stereotypes of "
            f"{' and '.join(chosen.words)} alone, but got {words}: {' and '.join(others)} are for "
            "files of texts"
        )


def read_pairs(name: str, rule: Rule = "improved", words: Words = "gender") -> Iterator[Pair]:
    """Yield the pairs of an alignment set or of a file.

    Args:
        rule, words: how twins are made, where they are made by swapping.

    Raises:
        ValueError: a row lacks what it needs, or pairs that are given should be swapped.
        trainables.assets.errors.AssetError: the set cannot be had.
    """
    return _alignment_set(name).pairs(rule, words)


def read_texts(name: str) -> Iterator[tuple[str, str]]:
    """Yield (key, text) of general texts: those with one key are held out of training together.

    Raises: as read_pairs.
    """
    return (TEXT_SETS.get(name) or UserFile(name=name)).texts()


def digest(name: str) -> str:
    """Return the sha256 of the data behind a name.

    Raises:
        trainables.assets.errors.AssetError: they cannot be had.
    """
    return (SETS.get(name) or UserFile(name=name)).digest()


def _alignment_set(name: str) -> AlignmentSet:
    return ALIGNMENT_SETS.get(name) or UserFile(name=name)
