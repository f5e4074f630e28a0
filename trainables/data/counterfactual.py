"""Counterfactual twins of a text: the same text about another gender, race or religion.

Two rules make them:

improved    Case stays (HE -> SHE, Mr. -> Mrs.) and punctuation may touch a word. The words around
            decide where a word list cannot: *her* becomes *his* before a thing that is possessed
            ("her infection") and *him* elsewhere ("told her that"); *his* becomes *her* or *hers*.
            Swapping twice gives the text back, except where two words have one counterpart (Ms. and
            Mrs.) or the words around mislead: "gave her flowers" is taken for flowers of hers.
bias_bench  The rule of Meade et al. 2022 (arXiv 2110.08527), to compare with. Words end at white
            space; only lower case is swapped, with at most one of .,?!;: after it. Of a word that is
            listed twice the last counterpart counts: her -> his always, him -> her, lady -> lord, so
            swapping cannot be undone. White space becomes single spaces.

Neither rule changes names. Both swap *black* for *white* even where it is only a colour.
"""

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple

from trainables.data.text import in_list, letters

Rule = Literal["improved", "bias_bench"]
Words = Literal["gender", "race", "religion"]

# *her* and *his* are resolved from context. The counterpart of a ONE_WAY word maps back to another
# word: him -> her -> his.
PRONOUNS = {"he": "she", "she": "he", "himself": "herself", "herself": "himself"}
ONE_WAY = {"him": "her", "hers": "his", "ms": "mr", "mum": "dad", "mums": "dads"}

QUOTES = "\"'“”„‟‘’‚‛«»‹›*_"  # the signs of emphasis are used as quotes are
OPENING, CLOSING = f"{QUOTES}([{{", f"{QUOTES})]}}"
# The inside of a character class for what may stand between *her* and its noun.
BETWEEN = rf"\s{re.escape(OPENING)}"
OR_ANOTHERS = re.compile(r"\s*(?:/|or\b)\s*(?:her|his|their|my|your|our)\b", re.IGNORECASE)


class _Patterns(NamedTuple):
    """What finds words in a text, each with all letters and marks that touch it.

    Attributes:
        word: a word.
        article_and_word: a word, and the article before it if there is one.
        before, after: the word before and the word after a place, with nothing but space, quotes,
            brackets and emphasis between.
    """

    word: re.Pattern[str]
    article_and_word: re.Pattern[str]
    before: re.Pattern[str]
    after: re.Pattern[str]


@cache
def _patterns(letter: str) -> _Patterns:
    """Return the patterns of words that are made of these letters, a part of a character class."""
    return _Patterns(
        re.compile(f"[{letter}]+"),
        re.compile(rf"\b(?<![{letter}])(?:([Aa][Nn]?)(\s+))?([{letter}]+)"),
        re.compile(rf"([{letter}'-]+)[{BETWEEN}]*$"),
        re.compile(rf"[{BETWEEN}]*([{letter}0-9][{letter}0-9-]*)"),
    )


def twins(text: str, rule: Rule = "improved", words: Words = "gender") -> list[str]:
    """Return the twins of a text: one for gender, two for race and for religion.

    There are none if the text has no word of the list. Twin n replaces every group by the n-th after
    it, so that groups which differ in the text differ in the twin. (The code of bias-bench draws
    one of the two.)

    >>> twins("A rabbi prayed.", words="religion")
    ['A priest prayed.', 'An imam prayed.']
    >>> twins("He saw her, and she saw him.", rule="bias_bench")
    ['He saw his, and he saw her.']
    """
    shifts = (1,) if words == "gender" else (1, 2)
    if rule == "bias_bench":
        candidates = [_swap_as_bias_bench(text, words, shift) for shift in shifts]
        return [twin for twin in candidates if twin != " ".join(text.split())]
    if words == "gender":
        candidates = [swap(text)]
    else:
        candidates = [_swap_groups(text, words, shift) for shift in shifts]
    return [twin for twin in candidates if twin != text]


def swap(text: str) -> str:
    """Return a text with each gendered word replaced by its counterpart, by the rule `improved`.

    >>> swap("He told her that Mr. Lee lost his keys, not hers.")
    'She told him that Mrs. Lee lost her keys, not his.'
    """
    swapped = _patterns(letters(text)).word.sub
    return swapped(lambda word: in_case_of(word.group(), _counterpart(word, text)), text)


@cache
def gender_counterparts() -> dict[str, str]:
    """Return the counterpart of each gendered word but *her* and *his*, in lower case."""
    return PRONOUNS | ONE_WAY | group_counterparts("gender_pairs", 1)


@cache
def gendered_words(gender: Literal["male", "female"]) -> frozenset[str]:
    """Return all words for a man or for a woman, in lower case."""
    male, female = zip(*word_list("gender_pairs"), strict=True)
    if gender == "male":
        return frozenset(male) | {"he", "him", "his", "himself"}
    return frozenset(female) | {"she", "her", "hers", "herself", "ms", "mum", "mums"}


@cache
def group_counterparts(list_name: str, shift: int) -> dict[str, str]:
    """Return the counterpart of each word of a list: the word so many columns on in its row.

    Of a word that is listed twice, the first row counts.

    Args:
        list_name: a file of data/words/, such as `religion`, whose columns are groups.
        shift: number of columns; after the last column comes the first.
    """
    return _counterparts_in(reversed(word_list(list_name)), shift)


def word_list(list_name: str) -> list[list[str]]:
    """Return the rows of a word list, data/words/LIST_NAME.txt, each split into its words."""
    text = (files("trainables.data") / "words" / f"{list_name}.txt").read_text(encoding="utf-8")
    return [line.split() for line in text.splitlines() if line and not line.startswith("#")]


def _counterparts_in(rows: Iterable[list[str]], shift: int) -> dict[str, str]:
    """Return each word and the word `shift` columns on in its row; a later row replaces a former."""
    return {
        word: row[(column + shift) % len(row)] for row in rows for column, word in enumerate(row)
    }


@cache
def _bias_bench_counterparts(words: Words, shift: int) -> dict[str, str]:
    """Return the counterparts by the rule `bias_bench`, with and without each sign after the word."""
    counterparts = _counterparts_in(word_list(f"bias_bench_{words}"), shift)
    return {
        word + sign: twin + sign for sign in ("", *".,?!;:") for word, twin in counterparts.items()
    }


def _swap_as_bias_bench(text: str, words: Words, shift: int) -> str:
    """Return a text with the words of each group replaced by the rule `bias_bench`."""
    counterparts = _bias_bench_counterparts(words, shift)
    return " ".join(counterparts.get(word, word) for word in text.split())


def _swap_groups(text: str, words: Words, shift: int) -> str:
    """Return a text with the words of each group replaced by those of the group `shift` after it.

    This is the rule `improved` for race and religion. An article before a replaced word becomes *a*
    or *an* as the new word needs it.
    """
    counterparts = group_counterparts(words, shift)

    def with_counterpart(match: re.Match[str]) -> str:
        """Return an article, if there is one, and the counterpart of the word after it."""
        article, space, word = match.groups()
        twin = in_case_of(word, counterparts.get(in_list(word), word.lower()))
        if article and twin != word:
            lower = twin.lower()
            starts_with_vowel = lower[0] in "aeiou" and not lower.startswith("eu")
            article = in_case_of(article, "an" if starts_with_vowel else "a")
        return f"{article}{space}{twin}" if article else twin

    return _patterns(letters(text)).article_and_word.sub(with_counterpart, text)


def _counterpart(word: re.Match[str], text: str) -> str:
    """Return the counterpart, in lower case, of a word of a text by the rule `improved`.

    A word without gender is its own counterpart.
    """
    listed = in_list(word.group())
    if listed in ("her", "his"):
        possesses = _possesses(text, word.start(), word.end())
        return (
            ("his" if possesses else "him") if listed == "her" else "her" if possesses else "hers"
        )
    return gender_counterparts().get(listed, word.group().lower())


@cache
def _context_words() -> dict[str, frozenset[str]]:
    """Return the word lists that tell a possessive *her* or *his* from an object, by their names."""
    return {key.rstrip(":"): frozenset(words) for key, *words in word_list("her")}


def _possesses(text: str, start: int, end: int) -> bool:
    """Return whether the *her* or *his* at text[start:end] is possessive, as in "her keys"."""
    context = _context_words()
    patterns = _patterns(letters(text))
    before = patterns.before.search(text, max(0, start - 40), start)
    lead = before.group(1).lower() if before else ""
    if joined := OR_ANOTHERS.match(text, end):  # "his or her keys"
        end = joined.end()
    if text[end : end + 1] and text[end] in CLOSING:
        if not start or text[start - 1] not in OPENING:  # “I saw her” Tom said
            return False
        end += 1  # “her” keys
    following = patterns.after.match(text, end)
    if following and following.group(1).lower() in context["noun_after_preposition"]:
        return lead in context["preposition"]  # "behind her back", but "called her back"
    while following:
        word = following.group(1).lower()
        if word in context["follows_object"]:
            return False
        if lead in context["before_verb"] and word in context["verb"]:  # "let her play"
            return False
        if lead in context["before_ing"] and word.endswith("ing"):  # "saw her dancing"
            return False
        is_adverb = word.endswith("ly") and word not in context["nouns_in_ly"]
        if not is_adverb and word not in context["skipped"]:
            return True
        following = patterns.after.match(text, following.end())
    return False


def in_case_of(word: str, twin: str) -> str:
    """Return a lower-case twin in the case of the word that it replaces.

    It is in capitals, has a first capital, or stays as it is. A word that is its own twin is
    returned unchanged.

    >>> in_case_of("HE", "she"), in_case_of("Sir", "madam"), in_case_of("McLee", "mclee")
    ('SHE', 'Madam', 'McLee')
    """
    if twin == word.lower():
        return word
    if word.isupper() and len(word) > 1:
        return twin.upper()
    return twin.capitalize() if word[0].isupper() else twin
