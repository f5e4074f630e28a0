"""WinoBias: a pronoun for one of two occupations, with the stereotype and against it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from trainables.assets import resolve
from trainables.data.counterfactual import Rule, Words
from trainables.data.pairs import Pair, real_share
from trainables.data.sets.base import AlignmentSet
from trainables.data.sets.winogender import share_of_women
from trainables.data.text import normalised

Kind = Literal[1, 2]
Split = Literal["dev", "test"]
KINDS: tuple[Kind, ...] = (1, 2)


class WinoBias(AlignmentSet):
    """The pairs of both types, of the dev split (winobias) or of the test split (winobias_test).

    The published dev and test split share three pairs, which neither has here, so that one may be
    measured on after learning the other.

    Source: Zhao et al. 2018 (arXiv 1804.06876).
    """

    name: Literal["winobias", "winobias_test"] = "winobias"

    @property
    def assets(self) -> tuple[str, ...]:
        return ("winobias", "winogender")

    def pairs(self, rule: Rule, words: Words) -> Iterator[Pair]:
        split: Split = "test" if self.name == "winobias_test" else "dev"
        other_split: Split = "dev" if split == "test" else "test"
        elsewhere = {
            normalised(text)
            for kind in KINDS
            for pair in sentence_pairs(kind, other_split)
            for text in pair
        }
        women = share_of_women()
        for kind in KINDS:
            lines = _lines("pro", kind, split)
            for line, (pro, anti) in zip(lines, sentence_pairs(kind, split), strict=True):
                if elsewhere.isdisjoint((normalised(pro), normalised(anti))):
                    occupation, *pronouns = re.findall(r"\[(?:the |an? )?(.*?)\]", line.lower())
                    female = bool({"she", "her", "hers"}.intersection(pronouns))
                    yield Pair(pro, anti, True, real_share(women.get(occupation.strip()), female))


def sentence_pairs(kind: Kind, split: Split) -> list[tuple[str, str]]:
    """Return the (pro-stereotypical, anti-stereotypical) sentences of a type, as people write them.

    Args:
        kind: 1 = the pronoun follows from the world alone, 2 = syntax gives it away.

    Raises:
        ValueError: there are not as many of either.
    """
    pro, anti = (
        [re.sub(r"^\d+ |[\[\]]", "", line) for line in _lines(side, kind, split)]
        for side in ("pro", "anti")
    )
    if len(pro) != len(anti):
        raise ValueError(
            f"WinoBias must have as many sentences with the stereotype as against it, but type "
            f"{kind} {split} has {len(pro)} and {len(anti)}."
        )
    return list(zip(pro, anti, strict=True))


def _lines(side: str, kind: Kind, split: Split) -> list[str]:
    """Return the lines as published: `1 [The developer] argued with the designer because [he] …`."""
    file = resolve.resolve("winobias") / f"{side}_stereotyped_type{kind}.txt.{split}"
    lines = file.read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip()]
