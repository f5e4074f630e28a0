"""Text from elsewhere, as it may be shown: without secrets, in visible characters, of few lines."""

from __future__ import annotations

import re
import unicodedata

from trainables.schema.text.masking import masked, masked_head

MAX_LINES, MAX_LINE = 90, 2000  # of what is shown at once; characters of a line
MAX_MASKED = 500_000  # characters from the begin of a text, of which the rest is not looked at

# They join letters and pictures of many scripts, and turn no text around.
JOINERS = (0x200C, 0x200D)

COLOUR = re.compile(r"\x1b\[[0-9;]*m")  # as of a terminal


def without_colours(text: str) -> str:
    """Return a text without what makes a terminal change its colours."""
    return COLOUR.sub("", text)


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
    known = masked(text) if len(text) <= MAX_MASKED else masked_head(text, MAX_MASKED)
    lines = known.split("\n", MAX_LINES)
    if len(lines) > MAX_LINES:
        num_more = 1 + lines.pop().count("\n")
        lines.append(f"… and {num_more} {'lines' if num_more > 1 else 'line'} more.")
    return "\n".join(shortened(visible(line)) for line in lines)


def in_one_line(text: str) -> str:
    r"""Return a text, as of a path, with ends of lines and tabs escaped, too.

    >>> in_one_line("a\nb\u202e")
    'a\\nb\\u202e'
    """
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def shortened(text: str, most: int = MAX_LINE) -> str:
    """Return a text of at most so many characters: its first half, …, and its second half.

    >>> shortened("abcdefghij", 5)
    'ab…ij'
    """
    if len(text) <= most:
        return text
    half = (most - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def _escaped(character: str) -> str:
    """Return a character, or its escape if a terminal would obey or not show it."""
    if character in "\n\t" or ord(character) in JOINERS:
        return character
    if unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return character
    escape = character.encode("unicode_escape", "surrogatepass")
    return escape.decode()
