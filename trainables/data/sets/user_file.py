"""A user's file as an alignment set or as a set of general texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, get_args

from trainables.assets import cache
from trainables.data.counterfactual import Rule, Words, twins
from trainables.data.pairs import Pair
from trainables.data.rows import read_user_rows, text_field, user_file
from trainables.data.sets.base import AlignmentSet, TextSet


class UserFile(AlignmentSet, TextSet):
    """A file (.jsonl, .csv, .txt) of pairs or of texts.

    Pairs have the fields stereotype and antistereotype. Texts have the field text, or are the lines
    of a .txt; those with the same text in the field source are one article. To align on texts, each is
    taken for a stereotype, as CDA does with any text, and its twins are made by swapping words. A text
    without any word to swap is left out.

    Attributes:
        name: the path of the file; a relative one starts from the folder that the trial runs in.
    """

    swapped: ClassVar[bool] = True
    words: ClassVar[tuple[Words, ...]] = get_args(Words)

    def digest(self) -> str:
        """Return the sha256 of the file."""
        return cache.digest(user_file(self.name))

    def texts(self) -> Iterator[tuple[str, str]]:
        """Yield (source, text) of each row. Without a field source a text is its own key.

        Raises:
            ValueError: a row lacks its text.
            trainables.assets.errors.AssetError: there is no such file.
        """
        for number, row in enumerate(read_user_rows(self.name), start=1):
            text = text_field(row, "text", self.name, number)
            has_source = row.get("source") not in (None, "")
            yield text_field(row, "source", self.name, number) if has_source else text, text

    def pairs(self, rule: Rule, words: Words) -> Iterator[Pair]:
        """Yield the pairs of the file, or each of its texts with each of its twins.

        Raises:
            ValueError: a row lacks a field, a pair has a blank text or the same text twice, or the
                pairs of the file should be swapped.
            trainables.assets.errors.AssetError: there is no such file.
        """
        has_pairs = None
        for number, row in enumerate(read_user_rows(self.name), start=1):
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
                text = text_field(row, "text", self.name, number)
                yield from (Pair(text, twin) for twin in twins(text, rule, words))

    def _has_pairs(self, first_row: Mapping[str, Any]) -> bool:
        """Return True if the file has pairs, by the fields of its first row, and False if it has texts.

        Raises:
            ValueError: the row has the fields of neither.
        """
        if "stereotype" in first_row or "antistereotype" in first_row:
            return True
        if "text" in first_row:
            return False
        raise ValueError(
            f"{self.name}, row 1: must have the fields stereotype and antistereotype, or the "
            f"field text whose twin is made by swapping, but has {', '.join(first_row)[:80]}."
        )

    def _pair(self, row: Mapping[str, Any], number: int) -> Pair:
        """Return the pair of a row.

        Raises:
            ValueError: it lacks a field, a text is blank, or both are the same.
        """
        stereotype, antistereotype = (
            text_field(row, field, self.name, number) for field in ("stereotype", "antistereotype")
        )
        is_blank = not (stereotype.strip() and antistereotype.strip())
        if is_blank or stereotype == antistereotype:
            raise ValueError(
                f"{self.name}, row {number}: must have two texts that differ, but got "
                f"{stereotype!r:.80} and {antistereotype!r:.80}."
            )
        return Pair(stereotype, antistereotype)
