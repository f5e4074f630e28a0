"""Text as it is compared with other text, and tokenised text as people write it."""

import re


def normalised(text: str) -> str:
    """Return the words of a text alone: without case, punctuation, and how they are set apart.

    A text without any word is returned as it is, but for white space around it.

    >>> normalised("The  nurse said , ' No . '") == normalised("the nurse said: 'no!'")
    True
    """
    return " ".join(re.findall(r"\w+", text.casefold())) or text.strip()


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case.

    Each is put into lower case alone: İ becomes two signs, one of which would end a word.
    """
    return [word.lower() for word in re.findall(r"\w+", text)]


def detokenised(text: str) -> str:
    """Return a tokenised text nearly as people write it: without spaces before punctuation.

    >>> detokenised("He said ( twice ) , no .")
    'He said (twice), no.'
    """
    text = re.sub(r"\s+([.,;:!?%)\]]|'(?:s|re|ve|ll|d|m|t)\b|n't\b)", r"\1", text.strip())
    return re.sub(r"([(\[])\s+", r"\1", text)
