"""A user's file as an alignment set or as a set of general texts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import chain
from typing import ClassVar, get_args

from trainables.assets import cache
from trainables.data.counterfactual import Rule, Words, twins
from trainables.data.files.row import Row, names_in_words, text_in, words_in
from trainables.data.pairs import Pair
from trainables.data.rows import user_file, user_rows
from trainables.data.sets.base import AlignmentSet, TextSet
from trainables.schema.text.shown import as_value

FIELDS = re.compile("text|source|stereotype|antistereotype")


class UserFile(AlignmentSet, TextSet):
    """A file of pairs or of texts, of any kind in trainables/data/files/kinds.py.

    Pairs have the fields stereotype and antistereotype. Texts have the field text, or are the lines
    of a .txt; a blank one is left out, as a blank line is. Texts with the same text in the field source
    are one article. To align on texts, each is taken for a
    stereotype, as CDA does with any text, and its twins are made by swapping words. A text without
    any word to swap is left out. Blanks around a text are no part of it.

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
            ValueError: a row lacks its text, or holds no sound text.
            trainables.assets.errors.AssetError: there is no such file.
        """
        for row in user_rows(self.name, FIELDS):
            if text := text_in(row, "text"):
                is_named = row.fields.get("source") is not None
                yield (text_in(row, "source") if is_named else "") or text, text

    def pairs(self, rule: Rule, words: Words) -> Iterator[Pair]:
        """Yield the pairs of the file, or each of its texts with each of its twins.

        Raises:
            ValueError: a row lacks a field or holds no sound text, a pair has a blank text or two
                that differ in blanks alone, or the pairs of the file should be swapped.
            trainables.assets.errors.AssetError: there is no such file.
        """
        has_pairs = None
        for row in user_rows(self.name, FIELDS):
            if has_pairs is None:
                has_pairs = self._has_pairs(row)
                if has_pairs and (rule, words) != ("improved", "gender"):
                    raise ValueError(
                        f"{self.name} must have texts (a field text) if swap or words are set, but "
                        f"has pairs that are given, and got swap: {rule}, words: {words}: leave "
                        "them out."
                    )
            if has_pairs:
                yield _pair(row)
            else:
                text = text_in(row, "text")
                yield from (Pair(text, twin) for twin in twins(text, rule, words))

    def _has_pairs(self, first_row: Row) -> bool:
        """Return True if the file has pairs, by the fields of its first row, and False if it has texts.

        Raises:
            ValueError: the row has the fields of neither.
        """
        fields = first_row.fields
        if "stereotype" in fields or "antistereotype" in fields:
            return True
        if "text" in fields:
            return False
        raise ValueError(
            f"{first_row.where}: must have the fields stereotype and antistereotype, or the "
            f"field text whose twin is made by swapping, but has {names_in_words(fields)}."
        )


def _pair(row: Row) -> Pair:
    """Return the pair of a row.

    Raises:
        ValueError: it lacks a field, a text is blank, or both are the same but for blanks.
    """
    stereotype, antistereotype = (words_in(row, key) for key in ("stereotype", "antistereotype"))
    if _without_blanks(stereotype) == _without_blanks(antistereotype):
        raise ValueError(
            f"{row.where}: must have two texts that differ in more than blanks, but got "
            f"{as_value(stereotype)} and {as_value(antistereotype)}."
        )
    return Pair(stereotype, antistereotype)


# Characters that nobody sees beside those of the category Cf: those assigned of Unicode's
# Default_Ignorable_Code_Point, and the blank of Braille.
UNSEEN = frozenset(
    map(
        chr,
        chain(
            (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x2800),
            (0x3164, 0xFFA0),
            range(0xFE00, 0xFE10),
            range(0xE0100, 0xE01F0),
        ),
    )
)


def _without_blanks(text: str) -> str:
    """Return a text without white space and characters that nobody sees, as soft hyphens are.

    Its accents are written in one of the two ways of Unicode.
    """
    seen = (char for char in text if unicodedata.category(char) != "Cf" and char not in UNSEEN)
    return "".join(unicodedata.normalize("NFC", "".join(seen)).split())
