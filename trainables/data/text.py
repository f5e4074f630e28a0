"""Plain functions on text: normalise it for comparison, list its words, undo tokenisation."""

import re


def normalised(text: str) -> str:
    """Return the words of a text without case, punctuation and spacing, for comparison with others.

    A text without any word is returned as it is, but for white space around it.

    >>> normalised("The  nurse said , ' No . '") == normalised("the nurse said: 'no!'")
    True
    """
    return " ".join(re.findall(r"\w+", text.casefold())) or text.strip()


def lower_case_words(text: str) -> list[str]:
    """Return the words of a text in lower case, in their order.

    Each word is put into lower case by itself: İ becomes two signs, one of which would end a word.
    """
    return [word.lower() for word in re.findall(r"\w+", text)]


def detokenised(text: str) -> str:
    """Return a tokenised text nearly as people write it: without spaces around punctuation.

    >>> detokenised("He said ( twice ) , no .")
    'He said (twice), no.'
    """
    text = re.sub(r"\s+([.,;:!?%)\]]|'(?:s|re|ve|ll|d|m|t)\b|n't\b)", r"\1", text.strip())
    return re.sub(r"([(\[])\s+", r"\1", text)
