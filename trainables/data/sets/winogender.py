"""Winogender: sentences with an occupation and a pronoun, and the share of women in occupations."""

from __future__ import annotations

import re
from typing import NamedTuple

from trainables.assets import resolve
from trainables.data.rows import read_rows
from trainables.schema.text.shown import as_value

PRONOUNS = {
    "male": {"he", "him", "his"},
    "female": {"she", "her", "hers"},
    "neutral": {"they", "them", "their", "theirs"},
}


class Sentence(NamedTuple):
    """One sentence as it is published, and the person that its pronoun refers to.

    Attributes:
        text: the sentence.
        occupation: the person in an occupation, such as nurse.
        participant: the other person, such as patient.
        gender: that of the pronoun: male, female or neutral.
        answer: the person that the pronoun refers to: 0 = occupation, 1 = participant.
    """

    text: str
    occupation: str
    participant: str
    gender: str
    answer: int

    @property
    def pronoun(self) -> str:
        """The pronoun as it stands in the text."""
        words: list[str] = re.findall(r"\w+", self.text)
        return next(word for word in words if word.lower() in PRONOUNS[self.gender])


def sentences() -> list[Sentence]:
    """Return all sentences of the authors' file.

    Source: Rudinger et al. 2018 (arXiv 1804.09301).

    Raises:
        ValueError: a sentence has an identifier of another form, lacks its pronoun, or is about an
            occupation without statistics.
        trainables.assets.errors.AssetError: the files cannot be fetched.
    """
    women = percentage_of_women()
    path = resolve.resolve("winogender") / "all_sentences.tsv"
    published = []
    for number, row in enumerate(read_rows(path, "sentid", "sentence"), start=1):
        name = re.fullmatch(r"(.+)\.(.+)\.([01])\.(male|female|neutral)\.txt", row["sentid"])
        words = set(re.findall(r"\w+", row["sentence"].lower()))
        if name is None or not words & PRONOUNS[name[4]]:
            raise ValueError(
                f"{path}, row {number}: must be a sentence with its pronoun, named OCCUPATION."
                f"PARTICIPANT.0|1.male|female|neutral.txt, but got {as_value(row['sentid'])}: "
                f"{as_value(row['sentence'])}."
            )
        if name[1] not in women:
            raise ValueError(
                f"{path}, row {number}: every occupation must be in occupations-stats.tsv beside it, "
                f"but {name[1]} is not."
            )
        published.append(Sentence(row["sentence"], name[1], name[2], name[4], int(name[3])))
    return published


def percentage_of_women() -> dict[str, float]:
    """Return the percentage of women, from 0 to 100, in each occupation by its name.

    Source: US Bureau of Labor Statistics, 2015 and 2016, as published with the sentences.

    Raises:
        ValueError: a row lacks a field.
        trainables.assets.errors.AssetError: the files cannot be fetched.
    """
    path = resolve.resolve("winogender") / "occupations-stats.tsv"
    rows = read_rows(path, "occupation", "bls_pct_female")
    return {row["occupation"]: float(row["bls_pct_female"]) for row in rows}
