"""BUG: real sentences with an occupation and a pronoun, as pairs with their twins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from trainables.assets import resolve
from trainables.data.counterfactual import Rule, Words, twins
from trainables.data.pairs import Pair, real_share
from trainables.data.rows import read_rows
from trainables.data.sets.base import AlignmentSet
from trainables.data.sets.winogender import percentage_of_women
from trainables.data.text import detokenised


class Bug(AlignmentSet):
    """The sentences of BUG, each with its twin of the other gender.

    There are three files: balanced (bug), checked by hand (bug_gold), and all sentences (bug_full).
    The column `stereotype` of the authors' files is 1 (the sentence is a stereotype), −1 (it is the
    opposite of one) or 0 (it is neither, and left out). Real shares are those of Winogender's table.

    Source: Levy et al. 2021 (arXiv 2109.03858).
    """

    swapped: ClassVar[bool] = True

    name: Literal["bug", "bug_gold", "bug_full"] = "bug"

    @property
    def assets(self) -> tuple[str, ...]:
        """The file of this name, and Winogender for its table of the share of women."""
        return (self.name, "winogender")

    def pairs(self, rule: Rule, words: Words) -> Iterator[Pair]:
        """Yield a pair for each sentence that is a stereotype or the opposite of one, and its twin."""
        women = percentage_of_women()
        fields = ("sentence_text", "stereotype", "profession", "predicted gender")
        for row in read_rows(resolve.resolve(self.name), *fields):
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
