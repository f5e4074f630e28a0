"""Read alignment sets and general texts by name, which is that of a known set or a user's file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple, get_args

from trainables.assets import cache
from trainables.data.counterfactual import Rule, Words
from trainables.data.files.kinds import TEXTS, files_named, in_words, kind_of
from trainables.data.pairs import Pair, pairs_in, write_pairs
from trainables.data.sets import ALIGNMENT_SETS, SETS, TEXT_SETS, AlignmentSet, UserFile
from trainables.data.splits import is_held_out
from trainables.schema.faults import did_you_mean
from trainables.schema.text.shown import MAX_NAME, as_value

MADE_BY = ("data",)  # the source that decides what the pairs of a set are
PAIRS = "pairs.jsonl"


def check_name(name: str, known: Collection[str], kind: str) -> str:
    """Return a name unchanged, if it is that of a known set or ends as a file does.

    Whether the file exists is seen only when it is read, in the folder that the trial runs in.

    Args:
        known: the names of the known sets.
        kind: the plural noun for the data in the error, such as `pairs`.

    Raises:
        ValueError: it is neither.
    """
    if name in known or kind_of(name):
        return name
    raise ValueError(
        f"must name {kind} that are known ({', '.join(known)}) "
        f"or {in_words(TEXTS)}, but got {as_value(name, MAX_NAME)}"
        f"{did_you_mean(name, [*files_named(name, TEXTS), *known])}"
    )


def check_swap(name: str, rule: Rule, words: Words) -> None:
    """Refuse settings of swapping that an alignment set has no use for.

    A set whose twins are given takes the default settings alone. A set that tells stereotypes of
    one group takes the words of that group alone. A user's file takes all settings here: whether it
    has pairs or texts is seen when it is read.

    Raises:
        ValueError: the settings do not suit the set; the message has those that do.
    """
    alignment_set = _alignment_set(name)
    if not alignment_set.swapped and (rule, words) != ("improved", "gender"):
        swapped = [known.name for known in ALIGNMENT_SETS.values() if known.swapped]
        raise ValueError(
            f"swap and words must be left out for {name}, whose pairs are given, but got {rule} and "
            f"{words}: they are for {', '.join(swapped)} and files of texts"
        )
    if words not in alignment_set.words:
        groups = alignment_set.words
        other_groups = [group for group in get_args(Words) if group not in groups]
        raise ValueError(
            f"words must be {' or '.join(groups)} for {name}, which tells stereotypes of "
            f"{' and '.join(groups)} alone, but got {words}: {' and '.join(other_groups)} are for "
            "files of texts"
        )


def read_pairs(name: str, rule: Rule = "improved", words: Words = "gender") -> Iterator[Pair]:
    """Return an iterator over the pairs of an alignment set or of a user's file.

    The twins of a text take many times longer to make than to read: they are made at the first call,
    and come from the cache as long as the files of the set stay as they are.

    Args:
        rule, words: how twins are made by swapping; unused where they are given.

    Raises:
        ValueError: a row lacks a field that it needs, a file of given pairs should be swapped, or the
            files of the set have changed while they were read.
        trainables.assets.errors.AssetError: the files of the set cannot be fetched or found.
    """
    alignment_set, known_digest = _alignment_set(name), digest(name)
    made_of = [cache.source_digest(*MADE_BY), name, rule, words, known_digest]
    key = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:24]

    def build(folder: Path) -> None:
        with cache.unchanged_while_read(known_digest, name, lambda: digest(name)):
            write_pairs(folder / PAIRS, alignment_set.pairs(rule, words))

    return pairs_in(cache.once(f"pairs/{key}", build) / PAIRS)


def read_texts(name: str) -> Iterator[tuple[str, str]]:
    """Return an iterator over the (key, text) of a set of general texts or of a user's file.

    Texts with the same key are held out of training together.

    Raises:
        ValueError: a row lacks its text.
        trainables.assets.errors.AssetError: the files of the set cannot be fetched or found.
    """
    return (TEXT_SETS.get(name) or UserFile(name=name)).texts()


class HeldOut(NamedTuple):
    """How much of a set of general texts is held out of training, to measure on.

    texts: number of different texts that are held out.
    sources: number of the sources, such as articles, that they are of.
    all_texts: number of different texts of the set.
    """

    texts: int
    sources: int
    all_texts: int


def num_held_out(name: str) -> HeldOut:
    """Return how much of a set is held out of training.

    Raises:
        ValueError, trainables.assets.errors.AssetError: as read_texts.
    """
    every_text: set[str] = set()
    source_by_text: dict[str, str] = {}
    for source, text in read_texts(name):
        every_text.add(text)
        if is_held_out(source):  # one of its sources is enough
            source_by_text.setdefault(text, source)
    return HeldOut(len(source_by_text), len(set(source_by_text.values())), len(every_text))


def digest(name: str) -> str:
    """Return the sha256 of the files of a known set, or of a user's file.

    Raises:
        trainables.assets.errors.AssetError: the files of the set cannot be fetched or found.
    """
    return (SETS.get(name) or UserFile(name=name)).digest()


def _alignment_set(name: str) -> AlignmentSet:
    """Return the known alignment set of this name, else the user's file of this name."""
    return ALIGNMENT_SETS.get(name) or UserFile(name=name)
