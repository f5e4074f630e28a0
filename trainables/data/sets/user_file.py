"""A user's file of pairs or of texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, get_args

from trainables.assets import cache
from trainables.data.counterfactual import Rule, Words, twins
from trainables.data.pairs import Pair
from trainables.data.rows import file_of, rows_of, text_of
from trainables.data.sets.base import AlignmentSet, TextSet


class UserFile(AlignmentSet, TextSet):
    """A file (.jsonl, .csv, .txt), looked for where the trial runs; `name` is its path.

    It has pairs (the fields stereotype and antistereotype) or texts (the field text, or one a line
    of a .txt). To align on, a text is taken for the stereotype, as CDA does with any text, and its
    twins are made by swapping; one without any word to swap is left out.
    """

    swapped: ClassVar[bool] = True
    words: ClassVar[tuple[Words, ...]] = get_args(Words)

    def digest(self) -> str:
        return cache.digest(file_of(self.name))

    def texts(self) -> Iterator[tuple[str, str]]:
        for number, row in enumerate(rows_of(self.name), start=1):
            text = text_of(row, "text", self.name, number)
            yield text, text

    def pairs(self, rule: Rule, words: Words) -> Iterator[Pair]:
        has_pairs = None
        for number, row in enumerate(rows_of(self.name), start=1):
            if has_pairs is None:
                has_pairs = self._has_pairs(row)
                if has_pairs and (rule, words) != ("improved", "gender"):
                    raise ValueError(
                        f"{self.name} must have texts (a field text) if swap or words are set, but "
                        f"has pairs that are given, and got swap: {rule}, words: {words}: leave "
                        "them out."
                    )
            if has_pairs:
                yield self._pair(row, number)
            else:
                text = text_of(row, "text", self.name, number)
                yield from (Pair(text, twin) for twin in twins(text, rule, words))

    def _has_pairs(self, first: Mapping[str, Any]) -> bool:
        """Return whether the file has pairs; else it has texts. Its first row tells."""
        if "stereotype" in first or "antistereotype" in first:
            return True
        if "text" in first:
            return False
        raise ValueError(
            f"{self.name}, row 1: must have the fields stereotype and antistereotype, or the "
            f"field text whose twin is made by swapping, but has {', '.join(first)[:80]}."
        )

    def _pair(self, row: Mapping[str, Any], number: int) -> Pair:
        stereotype, antistereotype = (
            text_of(row, field, self.name, number) for field in ("stereotype", "antistereotype")
        )
        blank = not (stereotype.strip() and antistereotype.strip())
        if blank or stereotype == antistereotype:
            raise ValueError(
                f"{self.name}, row {number}: must have two texts that differ, but got "
                f"{stereotype!r:.80} and {antistereotype!r:.80}."
            )
        return Pair(stereotype, antistereotype)
