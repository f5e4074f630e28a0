"""Text from elsewhere, as it may be shown: without secrets, in visible characters, of few lines."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from trainables.schema.masking import masked

MAX_LINES, MAX_LINE = 90, 2000  # of what is shown at once; characters of a line
MAX_VALUE = 80  # characters of a value, a key or a name in a sentence

# They join letters and pictures of many scripts, and turn no text around.
JOINERS = (0x200C, 0x200D)


def visible(text: str) -> str:
    r"""Return a text in which characters that a terminal obeys, or does not show, are escaped.

    They are control characters but for the end of a line and a tab, marks that turn the direction of
    text around or have no width, and halves of characters.

    >>> visible("a\x1b[31mb\u202e")
    'a\\x1b[31mb\\u202e'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(character) for character in text)


def printable(text: str) -> str:
    """Return a text with its secrets masked, its control characters escaped, and no longer than shown.

    A long line has its middle left out. Of the lines, the first MAX_LINES are shown.
    """
    lines = text.split("\n", MAX_LINES)
    if len(lines) > MAX_LINES:
        num_more = 1 + lines.pop().count("\n")
        lines.append(f"… and {num_more} {'lines' if num_more > 1 else 'line'} more.")
    # A secret that the first cut has halved is left out by the second.
    known = (masked(shortened(line, 10 * MAX_LINE)) for line in lines)
    return "\n".join(shortened(visible(line)) for line in known)


def shortened(text: str, most: int = MAX_LINE) -> str:
    """Return a text of at most so many characters: its first half, …, and its second half.

    >>> shortened("abcdefghij", 5)
    'ab…ij'
    """
    if len(text) <= most:
        return text
    half = (most - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def shown(value: Any, most: int = MAX_VALUE) -> str:
    """Return a plain value as it stands in a sentence: its repr, of at most so many characters.

    Of a long value no more is written out than is shown.

    >>> shown({"lr": [1, "a"]}), shown([0] * 10**6, 10)
    ("{'lr': [1, 'a']}", '[0, 0, 0,…')
    """
    text = ""
    for piece in _pieces(value, most):
        text += piece
        if len(text) > most:
            return f"{text[: most - 1]}…"
    return text


def as_word(name: object, most: int = MAX_VALUE) -> str:
    r"""Return a key or a name as it stands in a sentence: in one line, of at most so many characters.

    >>> as_word("a\nb\u202e")
    'a\\nb\\u202e'
    """
    text = visible(shortened(str(name), most))
    return text.replace("\n", "\\n").replace("\t", "\\t")


def _pieces(value: Any, most: int) -> Iterator[str]:
    """Yield the parts of the repr of a plain value, in order."""
    if isinstance(value, Mapping):
        yield "{"
        for number, (key, below) in enumerate(value.items()):
            yield ", " * (number > 0)
            yield from _pieces(key, most)
            yield ": "
            yield from _pieces(below, most)
        yield "}"
    elif isinstance(value, list | tuple):
        yield "["
        for number, below in enumerate(value):
            yield ", " * (number > 0)
            yield from _pieces(below, most)
        yield "]"
    else:
        yield repr(value[: most + 1] if isinstance(value, str) else value)


def _escaped(character: str) -> str:
    """Return a character, or its escape if a terminal would obey or not show it."""
    if character in "\n\t" or ord(character) in JOINERS:
        return character
    if unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return character
    escape = character.encode("unicode_escape", "surrogatepass")
    return escape.decode()
