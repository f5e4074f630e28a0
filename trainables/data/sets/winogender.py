"""Winogender: sentences with an occupation and a pronoun, and who works in the occupation."""

from __future__ import annotations

import re
from typing import NamedTuple

from trainables.assets import resolve
from trainables.data.rows import records

PRONOUNS = {
    "male": {"he", "him", "his"},
    "female": {"she", "her", "hers"},
    "neutral": {"they", "them", "their", "theirs"},
}


class Sentence(NamedTuple):
    """One sentence as it is published, and whom its pronoun refers to."""

    text: str
    occupation: str
    participant: str
    gender: str  # male, female or neutral
    answer: int  # 0: the occupation, 1: the participant

    @property
    def pronoun(self) -> str:
        words: list[str] = re.findall(r"\w+", self.text)
        return next(word for word in words if word.lower() in PRONOUNS[self.gender])


def sentences() -> list[Sentence]:
    """Return all sentences of the authors' file.

    Source: Rudinger et al. 2018 (arXiv 1804.09301).

    Raises:
        ValueError: one is not named as they all are, lacks its pronoun, or is about an occupation
            without statistics.
    """
    women = share_of_women()
    path = resolve.resolve("winogender") / "all_sentences.tsv"
    published = []
    for number, row in enumerate(records(path, "sentid", "sentence"), start=1):
        name = re.fullmatch(r"(.+)\.(.+)\.([01])\.(male|female|neutral)\.txt", row["sentid"])
        words = set(re.findall(r"\w+", row["sentence"].lower()))
        if name is None or not words & PRONOUNS[name[4]]:
            raise ValueError(
                f"{path}, row {number}: must be a sentence with its pronoun, named OCCUPATION."
                f"PARTICIPANT.0|1.male|female|neutral.txt, but got {row['sentid']!r}: "
                f"{row['sentence']!r}."
            )
        if name[1] not in women:
            raise ValueError(
                f"{path}, row {number}: every occupation must be in occupations-stats.tsv beside it, "
                f"but {name[1]} is not."
            )
        published.append(Sentence(row["sentence"], name[1], name[2], name[4], int(name[3])))
    return published


def share_of_women() -> dict[str, float]:
    """Return the percentage of women in each occupation, from 0 to 100.

    Source: US Bureau of Labor Statistics, 2015 and 2016, as published with the sentences.
    """
    path = resolve.resolve("winogender") / "occupations-stats.tsv"
    rows = records(path, "occupation", "bls_pct_female")
    return {row["occupation"]: float(row["bls_pct_female"]) for row in rows}
