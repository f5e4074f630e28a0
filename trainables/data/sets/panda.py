"""PANDA: texts that people rewrote for another gender."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Literal

from trainables.assets import resolve
from trainables.data.counterfactual import Rule, Words, gendered, in_case_of
from trainables.data.pairs import Pair
from trainables.data.rows import records
from trainables.data.sets.base import AlignmentSet
from trainables.data.text import detokenised, words_of


class Panda(AlignmentSet):
    """Texts in which a word for a man was to become one for a woman, or the reverse, and rewrites.

    Only those which have the same number of words, each replaced in its place; names too. Case and
    punctuation stay those of the text found, so that a pair differs in words alone. Nobody said
    which of the two is the stereotype: it is the text found.

    Source: Qian et al. 2022 (arXiv 2205.12586).
    """

    name: Literal["panda"] = "panda"

    def pairs(self, rule: Rule, words: Words) -> Iterator[Pair]:
        others = {"Woman": gendered("male"), "Man": gendered("female")}
        seen = set()
        fields = ("original", "rewrite", "selected_word", "perturbed_category")
        for row in records(resolve.resolve("panda"), *fields):
            if row["selected_word"].lower() not in others.get(row["perturbed_category"], ()):
                continue
            texts = (re.sub("<(SEP|br)>", " ", row[field]) for field in fields[:2])
            original, rewrite = (detokenised(" ".join(text.split())) for text in texts)
            before, after = words_of(original), words_of(rewrite)
            if len(before) != len(after):
                continue
            num_replaced = sum(one != other for one, other in zip(before, after, strict=True))
            # Words that had only moved would differ in more places than there are other words.
            if num_replaced == (Counter(before) - Counter(after)).total() > 0:
                twin = _with_words(original, iter(after))
                if (original, twin) not in seen:
                    yield Pair(original, twin)
                seen.add((original, twin))


def _with_words(text: str, words: Iterator[str]) -> str:
    return re.sub(r"\w+", lambda word: in_case_of(word.group(), next(words)), text)
