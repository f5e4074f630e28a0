"""BUG: real sentences that tie an occupation to a pronoun."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from trainables.assets import resolve
from trainables.data.counterfactual import Rule, Words, twins
from trainables.data.pairs import Pair, real_share
from trainables.data.rows import records
from trainables.data.sets.base import AlignmentSet
from trainables.data.sets.winogender import share_of_women
from trainables.data.text import detokenised


class Bug(AlignmentSet):
    """Each sentence and its twin of the other gender: balanced (bug), checked by hand (bug_gold), or
    all of them (bug_full).

    The column `stereotype` of the authors' file is 1 (the sentence is a stereotype), −1 (the
    opposite of one) or 0 (neither: left out).

    Source: Levy et al. 2021 (arXiv 2109.03858).
    """

    swapped: ClassVar[bool] = True

    name: Literal["bug", "bug_gold", "bug_full"] = "bug"

    @property
    def assets(self) -> tuple[str, ...]:
        return (self.name, "winogender")

    def pairs(self, rule: Rule, words: Words) -> Iterator[Pair]:
        women = share_of_women()
        fields = ("sentence_text", "stereotype", "profession", "predicted gender")
        for row in records(resolve.resolve(self.name), *fields):
            if row["stereotype"] not in ("1", "-1"):
                continue
            is_stereotype = row["stereotype"] == "1"
            female = (row["predicted gender"].lower() == "female") == is_stereotype
            share = real_share(women.get(row["profession"].lower()), female)
            original = detokenised(row["sentence_text"])
            for twin in twins(original, rule):
                if is_stereotype:
                    yield Pair(original, twin, True, share)
                else:
                    yield Pair(twin, original, False, share)
