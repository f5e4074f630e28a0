"""Leave the secrets out of lines of code and of settings, as a patch has them."""

from __future__ import annotations

import re

from trainables.schema.text.addresses import HIDDEN
from trainables.schema.text.masking import masked
from trainables.schema.text.secrets.behind_names import LITERAL, NO_SECRET, value_after
from trainables.schema.text.secrets.by_line import without_values_of_lines
from trainables.schema.text.secrets.by_shape import looks_random, without_headers
from trainables.schema.text.secrets.names import NAME, kind_of_name

CHUNK = re.compile(r"[A-Za-z0-9][\w+/=-]{15,}")
MIN_RANDOM = 20  # characters of a word without blanks
MIN_WORD = 6  # characters of a quoted word
QUOTED = re.compile(rf"{LITERAL}(?!\s*:)")  # and no key
# Of letters and digits, or joined by hyphens, and no name of code, a file, a call or an option: in a
# line with the name of a secret it may be one, whatever stands between them.
MIXED = re.compile(
    r"(?<![\w./-])(?:(?=\w*\d)(?=\w*[A-Za-z])(?![A-Za-z_]+\d{1,4}\b)[A-Za-z0-9][\w!@#$%^&*+~-]{7,200}|"
    r"(?=[A-Za-z0-9_-]{10,})[A-Za-z0-9]\w*(?:-\w+)+)(?![\w(/.\[=:-])"
)


def masked_source(text: str) -> str:
    """Return lines of code, as of a patch, with `***` for their secrets.

    These are those of `masked_settings`, words of MIN_RANDOM characters that look random, and words of
    letters and digits, or with hyphens, behind the name of a secret in the same line. It hides too much
    rather than too little: digests are hidden as well.
    """
    text = CHUNK.sub(_without_random, masked_settings(text))
    return "".join(map(_without_mixed, text.splitlines(keepends=True)))


def masked_settings(text: str) -> str:
    """Return lines of settings or of code with `***` for their secrets.

    These are those of `masked`, and what is assigned, compared or passed to a name that tells of a
    secret, over several lines, too.

    >>> masked_settings('db_password: x1\\n{"api_key": "x2", "max_tokens": 3}').splitlines()
    ['db_password: ***', '{"api_key": ***, "max_tokens": 3}']
    """
    text = without_values_of_lines(without_headers(text))
    pieces, end, looked_to = [], 0, 0
    for name in NAME.finditer(text):
        if name.end() < end or not (value := value_after(text, name, looked_to)):
            continue
        if value.shown is None:
            looked_to = max(looked_to, value.end)
            continue
        pieces += [text[end : value.start], value.shown]
        end = value.end
    return masked("".join([*pieces, text[end:]]))


def _without_mixed(line: str) -> str:
    """Return a line with `***` for quoted and mixed words behind the name of a secret.

    >>> _without_mixed("rclone config secret_access_key mV7qp2Zk1 step1 retry10x")
    'rclone config secret_access_key *** step1 ***'
    """
    name = next((one for one in NAME.finditer(line) if kind_of_name(one[0]) == "sure"), None)
    if name is None:
        return line
    start = name.end()
    line = QUOTED.sub(lambda one: one[0] if one.start() < start else _without_word(one[0]), line)
    return line[:start] + MIXED.sub(HIDDEN, line[start:])


def _without_word(literal: str) -> str:
    """Return a quoted text, or `***` if it is a word of MIN_WORD characters that names no secret."""
    word = literal.strip("rbfu\"'`")
    is_plain = len(word) < MIN_WORD or " " in word or kind_of_name(word) or "{" in word
    return literal if is_plain or NO_SECRET.match(literal) else HIDDEN


def _without_random(word: re.Match[str]) -> str:
    """Return a word, or `***` if it is long and looks random."""
    return HIDDEN if len(word[0]) >= MIN_RANDOM and looks_random(word[0]) else word[0]
