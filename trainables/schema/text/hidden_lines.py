"""Tell which lines of a text, and which words of a line, are hidden for their secrets."""

from __future__ import annotations

import re
from itertools import zip_longest

from trainables.schema.text.addresses import HIDDEN
from trainables.schema.text.masking_source import masked_settings

MAX_LINES_HIDDEN = 500  # at once


def changes_of_lines(text: str, shown: str) -> dict[int, str]:
    """Return the lines of a text, from 1, that are shown otherwise, and as what they are.

    shown: the text with `***` for some of it, lines and ends of lines included.

    >>> changes_of_lines("a: 1\\nb:\\n x\\n y\\nc: 2", "a: 1\\nb: ***\\nc: ***")
    {2: 'b: ***', 5: 'c: ***'}
    """
    changes, lines, at = {}, text.split("\n"), 0
    shown_lines = shown.split("\n")
    for line, next_line in zip_longest(shown_lines, shown_lines[1:], fillvalue=""):
        is_changed = at < len(lines) and line != lines[at]
        if is_changed:
            changes[at + 1] = line
        at += 1
        if is_changed:
            # What is hidden may go on over further lines: up to what the next one begins with.
            begin = next_line.partition(HIDDEN)[0]
            ahead = range(at, min(at + MAX_LINES_HIDDEN, len(lines)))
            at = next((number for number in ahead if lines[number].startswith(begin)), at)
    return changes


def without_hidden_words(sentence: str, line: str) -> str:
    """Return a sentence about a line of settings without the words that are secrets of the line.

    >>> without_hidden_words('there is no "hunter2"', "password: *hunter2")
    'there is no "***"'
    """
    words = re.compile(r"\w+")
    hidden = {*words.findall(line)} - {*words.findall(masked_settings(line))}
    return words.sub(lambda word: HIDDEN if word[0] in hidden else word[0], sentence)
