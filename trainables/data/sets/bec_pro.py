"""BEC-Pro: people and professions in templates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from trainables.assets import resolve
from trainables.data.counterfactual import Rule, Words, swap
from trainables.data.pairs import Pair, real_share
from trainables.data.rows import records
from trainables.data.sets.base import AlignmentSet


class BecPro(AlignmentSet):
    """Its English sentences, each with a man and with a woman.

    The stereotype is the person whose gender most have who work in the profession, as its column
    Prof_Gender says; professions in balance are left out. Shares are those of its own table.

    Source: Bartl et al. 2020 (2020.gebnlp-1.1).
    """

    name: Literal["bec_pro"] = "bec_pro"

    def pairs(self, rule: Rule, words: Words) -> Iterator[Pair]:
        folder = resolve.resolve("bec_pro")
        table = records(folder / "Professions US+DE.tsv", "simplified_professions", "percent_us")
        women = {row["simplified_professions"]: float(row["percent_us"]) for row in table}
        file = folder / "BEC-Pro_EN.tsv"
        rows = list(records(file, "Sentence", "Gender", "Profession", "Prof_Gender"))
        about_women = {row["Sentence"] for row in rows if row["Gender"] == "female"}
        for row in rows:
            if row["Gender"] != "male" or row["Prof_Gender"] == "balanced":
                continue
            man, woman = row["Sentence"], swap(row["Sentence"])
            if woman not in about_women:
                raise ValueError(
                    f"{file}: every sentence must be there with either person, but {woman!r} is "
                    "not."
                )
            female = row["Prof_Gender"] == "female"
            share = real_share(women.get(row["Profession"]), female)
            yield Pair(woman, man, True, share) if female else Pair(man, woman, True, share)
