"""Plain functions on text: normalise it for comparison, list its words, undo tokenisation."""

import re
import unicodedata
from functools import cache
from itertools import groupby

SOFT_HYPHEN = "\u00ad"
# Within a word these are no end of it: places to break a line, and joiners of some scripts.
JOINERS = (SOFT_HYPHEN, "\u200c", "\u200d", "\u2060")
APOSTROPHE = "\u02bc"  # a letter by Unicode, but written for the sign that ends a word, as in he's
LAST_LETTER = 0x33000  # beyond it Unicode has no letters, and few marks, which no word needs


def letters(text: str) -> str:
    """Return the inside of a character class for all letters in a text, and the marks on them.

    An accent may be part of its letter or a mark after it: é is one sign or two. A plain [A-Za-z] or
    \\w ends a word at the mark, so that it finds "men" in "Menéndez". A pattern of fewer letters is
    faster, so the class is no larger than the text needs.
    """
    if text.isascii():
        return "A-Za-z"
    return _letters_below(0x10000 if max(text) < "\U00010000" else LAST_LETTER)


@cache
def _letters_below(end: int) -> str:
    """Return the inside of a character class for letters, marks and joiners below a code point."""

    def is_of_word(code: int) -> bool:
        """Return whether a code point is a letter, a mark or a joiner."""
        sign = chr(code)
        is_letter = unicodedata.category(sign)[0] in "LM" and sign != APOSTROPHE
        return is_letter or sign in JOINERS

    ranges = []
    for wanted, codes in groupby(range(end), is_of_word):
        first, *rest = codes
        if wanted:
            ranges.append(f"{chr(first)}-{chr(rest[-1])}" if rest else chr(first))
    return "".join(ranges)


def word_pattern(text: str) -> re.Pattern[str]:
    """Return the pattern of a word or a number of a text."""
    return _word_pattern(letters(text))


@cache
def _word_pattern(letter: str) -> re.Pattern[str]:
    """Return the pattern of a word or a number that is made of these letters."""
    return re.compile(rf"[\w{letter}]+")


def in_list(word: str) -> str:
    """Return a word as word lists have it: in lower case, of plain letters with their accents.

    Letters of another width and ligatures become plain ones.

    >>> in_list("FIANCE\u0301E"), in_list("wo\u00adman"), in_list("ＨＥ"), in_list("ﬁancé")
    ('fiancée', 'woman', 'he', 'fiancé')
    """
    if word.isascii():
        return word.lower()
    return unicodedata.normalize("NFKC", word.replace(SOFT_HYPHEN, "")).lower()


def as_read(text: str) -> str:
    """Return a text as people read it: accents within letters, single blanks, no signs unseen.

    >>> as_read("the  cafe\u0301"), as_read("mice\u200b")
    ('the café', 'mice')
    """
    unseen = (*JOINERS, "\u200b")
    seen = "".join(sign for sign in unicodedata.normalize("NFC", text) if sign not in unseen)
    return " ".join(seen.split())


def normalised(text: str) -> str:
    """Return the letters and digits of a text without case, for comparison with others.

    Some scripts write no spaces, so that punctuation and spacing count nowhere. A text without any word
    is returned as it is, but for white space around it.

    >>> normalised("The  nurse said , ' No . '") == normalised("the nurse said: 'no!'")
    True
    """
    folded = text.casefold()
    if not text.isascii():
        folded = unicodedata.normalize("NFKC", folded.replace(SOFT_HYPHEN, ""))
    return "".join(word_pattern(folded).findall(folded)) or text.strip()


def lower_case_words(text: str) -> list[str]:
    """Return the words of a text in lower case, in their order.

    Each word is put into lower case by itself: İ becomes two signs, one of which would end a word.
    """
    return [word.lower() for word in word_pattern(text).findall(text)]


def detokenised(text: str) -> str:
    """Return a tokenised text nearly as people write it: without spaces around punctuation.

    >>> detokenised("He said ( twice ) , no .")
    'He said (twice), no.'
    """
    text = re.sub(r"\s+([.,;:!?%)\]]|'(?:s|re|ve|ll|d|m|t)\b|n't\b)", r"\1", text.strip())
    return re.sub(r"([(\[])\s+", r"\1", text)
