"""WinoBias: sentences with a pronoun for one of two occupations, with and against the stereotype."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from trainables.assets import resolve
from trainables.data.counterfactual import Rule, Words
from trainables.data.pairs import Pair, real_share
from trainables.data.sets.base import AlignmentSet
from trainables.data.sets.winogender import percentage_of_women
from trainables.data.text import normalised

Kind = Literal[1, 2]
Split = Literal["dev", "test"]
KINDS: tuple[Kind, ...] = (1, 2)


class WinoBias(AlignmentSet):
    """The pairs of both types, of the dev split (winobias) or of the test split (winobias_test).

    The published splits share three pairs. They are left out of both, so that a model may be
    trained on one split and measured on the other. Real shares are those of Winogender's table.

    Source: Zhao et al. 2018 (arXiv 1804.06876).
    """

    name: Literal["winobias", "winobias_test"] = "winobias"

    @property
    def assets(self) -> tuple[str, ...]:
        """WinoBias itself, and Winogender for its table of the share of women."""
        return ("winobias", "winogender")

    def pairs(self, rule: Rule, words: Words) -> Iterator[Pair]:
        """Yield the sentence with the stereotype and the one against it, for each pair of the split."""
        split: Split = "test" if self.name == "winobias_test" else "dev"
        other_split: Split = "dev" if split == "test" else "test"
        texts_of_other_split = {
            normalised(text)
            for kind in KINDS
            for pair in sentence_pairs(kind, other_split)
            for text in pair
        }
        women = percentage_of_women()
        for kind in KINDS:
            lines = _lines("pro", kind, split)
            for line, (pro, anti) in zip(lines, sentence_pairs(kind, split), strict=True):
                if texts_of_other_split.isdisjoint((normalised(pro), normalised(anti))):
                    occupation, *pronouns = re.findall(r"\[(?:the |an? )?(.*?)\]", line.lower())
                    female = bool({"she", "her", "hers"}.intersection(pronouns))
                    yield Pair(pro, anti, True, real_share(women.get(occupation.strip()), female))


def sentence_pairs(kind: Kind, split: Split) -> list[tuple[str, str]]:
    """Return (pro-stereotypical, anti-stereotypical) sentences, without numbers and brackets.

    Args:
        kind: the type; 1 = only knowledge of the world resolves the pronoun, 2 = syntax does.

    Raises:
        ValueError: the files have different numbers of sentences.
        trainables.assets.errors.AssetError: the files cannot be fetched.
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
    """Return the lines of a file as they are published.

    An example is `1 [The developer] argued with the designer because [he] …`.

    Args:
        side: `pro` or `anti`.
    """
    file = resolve.resolve("winobias") / f"{side}_stereotyped_type{kind}.txt.{split}"
    lines = file.read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip()]
