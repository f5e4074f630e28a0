"""PANDA: texts that people rewrote for another gender, as pairs of a text and its rewrite."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Literal

from trainables.assets import resolve
from trainables.data.counterfactual import Rule, Words, gendered_words, in_case_of
from trainables.data.pairs import Pair
from trainables.data.rows import read_rows
from trainables.data.sets.base import AlignmentSet
from trainables.data.text import detokenised, lower_case_words, word_pattern


class Panda(AlignmentSet):
    """Texts whose people had to be rewritten from a man to a woman or the reverse, and the rewrites.

    Only rewrites with the same number of words are taken, in which words, also names, were replaced
    in their places. Case and punctuation stay those of the original text, so that a pair differs in
    words alone. PANDA does not tell which of the two is the stereotype; the original is taken for it.

    Source: Qian et al. 2022 (arXiv 2205.12586).
    """

    name: Literal["panda"] = "panda"

    def pairs(self, rule: Rule, words: Words) -> Iterator[Pair]:
        """Yield each different pair of an original text and its rewrite."""
        words_to_replace = {"Woman": gendered_words("male"), "Man": gendered_words("female")}
        yielded = set()
        fields = ("original", "rewrite", "selected_word", "perturbed_category")
        for row in read_rows(resolve.resolve("panda"), *fields):
            replaceable = words_to_replace.get(row["perturbed_category"], ())
            if row["selected_word"].lower() not in replaceable:
                continue
            texts = (re.sub("<(SEP|br)>", " ", row[field]) for field in fields[:2])
            original, rewrite = (detokenised(" ".join(text.split())) for text in texts)
            before, after = lower_case_words(original), lower_case_words(rewrite)
            if _is_replaced_in_place(before, after):
                twin = _with_words(original, iter(after))
                if (original, twin) not in yielded:
                    yield Pair(original, twin)
                yielded.add((original, twin))


def _is_replaced_in_place(before: list[str], after: list[str]) -> bool:
    """Return whether some words of a text were replaced, while the others kept their places.

    Words that have only moved differ in more places than there are new words.
    """
    if len(before) != len(after):
        return False
    num_places = sum(old != new for old, new in zip(before, after, strict=True))
    return num_places == (Counter(before) - Counter(after)).total() > 0


def _with_words(text: str, twins: Iterator[str]) -> str:
    """Return a text with its words replaced by the given ones, each in the case of the old word."""
    return word_pattern(text).sub(lambda word: in_case_of(word.group(), next(twins)), text)
