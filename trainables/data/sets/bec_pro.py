"""BEC-Pro: sentences from templates about a man or a woman in a profession, as pairs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from trainables.assets import resolve
from trainables.data.counterfactual import Rule, Words, swap
from trainables.data.pairs import Pair, real_share
from trainables.data.rows import read_rows
from trainables.data.sets.base import AlignmentSet
from trainables.schema.text.shown import as_value


class BecPro(AlignmentSet):
    """The English sentences of BEC-Pro, each with a man and with a woman.

    The stereotype is the sentence about the gender of most people in the profession, as the column
    Prof_Gender has it. Balanced professions are left out. The real shares are those of BEC-Pro's own
    table.

    Source: Bartl et al. 2020 (2020.gebnlp-1.1).
    """

    name: Literal["bec_pro"] = "bec_pro"

    def pairs(self, rule: Rule, words: Words) -> Iterator[Pair]:
        """Yield a pair for each sentence about a man and its twin about a woman.

        Raises:
            ValueError: a row lacks a field, or a sentence about a man lacks its twin.
            trainables.assets.errors.AssetError: the files cannot be fetched.
        """
        folder = resolve.resolve("bec_pro")
        table = read_rows(folder / "Professions US+DE.tsv", "simplified_professions", "percent_us")
        women = {row["simplified_professions"]: float(row["percent_us"]) for row in table}
        path = folder / "BEC-Pro_EN.tsv"
        rows = list(read_rows(path, "Sentence", "Gender", "Profession", "Prof_Gender"))
        sentences_about_women = {row["Sentence"] for row in rows if row["Gender"] == "female"}
        for row in rows:
            if row["Gender"] != "male" or row["Prof_Gender"] == "balanced":
                continue
            man, woman = row["Sentence"], swap(row["Sentence"])
            if woman not in sentences_about_women:
                raise ValueError(
                    f"{path}: every sentence must be there with either person, but {as_value(woman)} "
                    "is not."
                )
            female = row["Prof_Gender"] == "female"
            share = real_share(women.get(row["Profession"]), female)
            yield Pair(woman, man, True, share) if female else Pair(man, woman, True, share)
