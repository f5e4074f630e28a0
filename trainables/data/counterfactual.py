"""A sentence and its twins of other groups: of gender first, of race and religion the same way.

Two rules make them:

improved    case is kept (HE -> SHE, Mr. -> Mrs.), punctuation may touch a word, and what a word list
            cannot decide is decided by the words around: *her* is *his* before what it possesses
            ("her infection") and *him* elsewhere ("told her that"); *his* is *her* or *hers*. To
            swap twice gives the text back, but where two words have one counterpart (Ms. and Mrs.)
            or the words around mislead: "gave her flowers" is taken for flowers of hers.
bias_bench  that of Meade et al. 2022 (arXiv 2110.08527), to compare with: words end at white space,
            only lower case is found, with at most one of .,?!;: after it, and of a word that is
            listed twice the last counterpart counts: her -> his always, him -> her, lady -> lord. So
            it cannot be undone. White space becomes single spaces.

Names are left as they are, and so is *black* where it is only a colour: it is swapped for *white*.
"""

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Literal

Rule = Literal["improved", "bias_bench"]
Words = Literal["gender", "race", "religion"]

# her and his are decided in place. The counterpart of a one-way word has another one of its own.
PRONOUNS = {"he": "she", "she": "he", "himself": "herself", "herself": "himself"}
ONE_WAY = {"him": "her", "hers": "his", "ms": "mr", "mum": "dad", "mums": "dads"}

WORD = re.compile(r"[A-Za-z]+")
ARTICLE_AND_WORD = re.compile(r"\b(?:(an?)(\s+))?([A-Za-z]+)", re.IGNORECASE)
BEFORE = re.compile(r"([A-Za-z'-]+)[\s\"'“‘(]*$")
AFTER = re.compile(r"[\s\"'“‘(]*([A-Za-z0-9][A-Za-z0-9-]*)")
OR_ANOTHERS = re.compile(r"\s*(?:/|or\b)\s*(?:her|his|their|my|your|our)\b", re.IGNORECASE)


def twins(text: str, rule: Rule = "improved", words: Words = "gender") -> list[str]:
    """The text for each other group: one twin for gender, two for race and for religion.

    None if it has no word of the list. Twin n puts every group in the place of the n-th before it,
    so that groups which differ in the text differ in the twin. (bias-bench draws one of the two.)

    >>> twins("A rabbi prayed.", words="religion")
    ['A priest prayed.', 'An imam prayed.']
    >>> twins("He saw her, and she saw him.", rule="bias_bench")
    ['He saw his, and he saw her.']
    """
    shifts = (1,) if words == "gender" else (1, 2)
    if rule == "bias_bench":
        found = [_as_bias_bench(text, words, shift) for shift in shifts]
        return [twin for twin in found if twin != " ".join(text.split())]
    found = [swap(text)] if words == "gender" else [_shifted(text, words, n) for n in shifts]
    return [twin for twin in found if twin != text]


def swap(text: str) -> str:
    """The text with every gendered word turned into its counterpart; others are untouched.

    >>> swap("He told her that Mr. Lee lost his keys, not hers.")
    'She told him that Mrs. Lee lost her keys, not his.'
    """
    return WORD.sub(lambda word: in_case_of(word.group(), _counterpart(word, text)), text)


def is_gendered(text: str) -> bool:
    """Whether swapping would change the text."""
    return swap(text) != text


@cache
def swaps() -> dict[str, str]:
    """Each unambiguous gendered word and its counterpart, both ways, in lower case."""
    return PRONOUNS | ONE_WAY | shifts("gender_pairs", 1)


@cache
def gendered(gender: Literal["male", "female"]) -> frozenset[str]:
    """All words of a gender, in lower case."""
    male, female = zip(*_rows("gender_pairs"), strict=True)
    if gender == "male":
        return frozenset(male) | {"he", "him", "his", "himself"}
    return frozenset(female) | {"she", "her", "hers", "herself", "ms", "mum", "mums"}


@cache
def shifts(listed: str, shift: int) -> dict[str, str]:
    """Each word of a list and its counterpart so many columns on; its first row counts."""
    return _in_rows(reversed(_rows(listed)), shift)


def _in_rows(rows: Iterable[list[str]], shift: int) -> dict[str, str]:
    return {word: row[(place + shift) % len(row)] for row in rows for place, word in enumerate(row)}


def _rows(listed: str) -> list[list[str]]:
    text = (files("trainables.data") / "words" / f"{listed}.txt").read_text(encoding="utf-8")
    return [line.split() for line in text.splitlines() if line and not line.startswith("#")]


@cache
def _bias_bench(words: Words, shift: int) -> dict[str, str]:
    """Its last row counts; and each word once more with every sign that may follow it."""
    found = _in_rows(_rows(f"bias_bench_{words}"), shift)
    return {word + sign: twin + sign for sign in ("", *".,?!;:") for word, twin in found.items()}


def _as_bias_bench(text: str, words: Words, shift: int) -> str:
    counterparts = _bias_bench(words, shift)
    return " ".join(counterparts.get(word, word) for word in text.split())


def _shifted(text: str, words: Words, shift: int) -> str:
    """With a or an, as the counterpart has it, where one stands before it."""
    counterparts = shifts(words, shift)

    def shifted(match: re.Match[str]) -> str:
        article, space, word = match.groups()
        twin = in_case_of(word, counterparts.get(word.lower(), word.lower()))
        if article and twin != word:
            sounds = twin.lower()
            vowel = sounds[0] in "aeiou" and not sounds.startswith("eu")
            article = in_case_of(article, "an" if vowel else "a")
        return f"{article}{space}{twin}" if article else twin

    return ARTICLE_AND_WORD.sub(shifted, text)


def _counterpart(word: re.Match[str], text: str) -> str:
    lower = word.group().lower()
    if lower in ("her", "his"):
        possesses = _possesses(text, word.start(), word.end())
        return ("his" if possesses else "him") if lower == "her" else "her" if possesses else "hers"
    return swaps().get(lower, lower)


@cache
def _around() -> dict[str, frozenset[str]]:
    """The word lists of the decision between his and him."""
    return {key.rstrip(":"): frozenset(listed) for key, *listed in _rows("her")}


def _possesses(text: str, start: int, end: int) -> bool:
    """Whether the *her* or *his* at this place has something that it possesses."""
    around = _around()
    before = BEFORE.search(text, max(0, start - 40), start)
    lead = before.group(1).lower() if before else ""
    if joined := OR_ANOTHERS.match(text, end):  # "his or her keys"
        end = joined.end()
    following = AFTER.match(text, end)
    if following and following.group(1).lower() in around["noun_after_preposition"]:
        return lead in around["preposition"]  # "behind her back", but "called her back"
    while following:
        word = following.group(1).lower()
        if word in around["follows_object"]:
            return False
        if lead in around["before_verb"] and word in around["verb"]:  # "let her play"
            return False
        if lead in around["before_ing"] and word.endswith("ing"):  # "saw her dancing"
            return False
        adverb = word.endswith("ly") and word not in around["nouns_in_ly"]
        if not adverb and word not in around["skipped"]:
            return True
        following = AFTER.match(text, following.end())
    return False


def in_case_of(found: str, twin: str) -> str:
    """The twin in capitals, with a first capital, or as it is listed."""
    if twin == found.lower():
        return found
    if found.isupper() and len(found) > 1:
        return twin.upper()
    return twin.capitalize() if found[0].isupper() else twin
