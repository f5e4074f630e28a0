"""Text from elsewhere in Markdown, in HTML within it, and in CSV, where it is text and no more."""

from __future__ import annotations

import re

from trainables.schema.counted import is_number
from trainables.schema.text.printable import visible

# Renderers do not agree on a backslash before these, but all know their names.
ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# An underscore within a word is no markup.
SIGNS = re.compile(r"[\\`*\[\]|~]|_(?!\w)|(?<!\w)_")
START = re.compile(r"^([#+=-]|\d+(?=[.)]))")  # of a line that is a heading, or an entry of a list
FORMULA = tuple("=+-@\t\r＝＋－＠")  # how one begins in a spreadsheet


def in_markdown(text: str) -> str:
    """Return a text as Markdown that shows it, in one line: no markup, pictures or HTML.

    Some viewers make a link of an address that stands in any text; that shows where it leads.

    >>> in_markdown("a_b **c** <img src=x>")
    'a_b \\\\*\\\\*c\\\\*\\\\* &lt;img src=x&gt;'
    """
    escaped = SIGNS.sub(r"\\\g<0>", _one_line(text)).translate(ENTITIES)
    return START.sub(lambda found: _start(found[1]), escaped)


def in_code(text: str) -> str:
    """Return a text as code within a line of Markdown.

    >>> in_code("lr"), in_code("a`b")
    ('`lr`', '`` a`b ``')
    """
    line = _one_line(text)
    if "`" not in line:
        return f"`{line}`"
    ticks = _more_ticks(line, 1)
    return f"{ticks} {line} {ticks}"


def as_block(text: str, language: str) -> str:
    """Return the lines of a text as a block of code in Markdown, which none of them ends."""
    ticks = _more_ticks(text, 3)
    return f"{ticks}{language}\n{text.rstrip()}\n{ticks}"


def csv_cell(value: object) -> object:
    """Return what a cell of CSV is to hold: a text that a spreadsheet takes for no formula.

    An apostrophe stands before one that begins like a formula and is no number. Control characters
    are escaped. Anything but a text is returned as it is.

    >>> csv_cell("=1+1"), csv_cell("-0.5"), csv_cell(7)
    ("'=1+1", '-0.5', 7)
    """
    if not isinstance(value, str):
        return value
    text = visible(value)
    return f"'{text}" if value.startswith(FORMULA) and not is_number(value) else text


def _one_line(text: str) -> str:
    """Return a text with its control characters escaped and a blank for each end of a line."""
    return re.sub(r"[\n\t]+", " ", visible(text))


def _start(sign: str) -> str:
    """Return the first sign of a line, or a number before a dot, as no markup."""
    return f"{sign}\\" if sign.isdigit() else f"\\{sign}"


def _more_ticks(text: str, least: int) -> str:
    """Return more backticks than follow each other in a text, at least so many."""
    return "`" * max(least, *(len(run) + 1 for run in re.findall("`+", text)), 0)
