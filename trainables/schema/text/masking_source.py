"""Leave the secrets out of lines of code and of settings, as a patch has them."""

from __future__ import annotations

import re

from trainables.schema.text.addresses import HIDDEN
from trainables.schema.text.masking import masked
from trainables.schema.text.secrets.behind_names import value_after
from trainables.schema.text.secrets.by_line import without_values_of_lines
from trainables.schema.text.secrets.by_shape import looks_random, without_headers
from trainables.schema.text.secrets.names import NAME

CHUNK = re.compile(r"[A-Za-z0-9][\w+/=-]{15,}")
MIN_RANDOM = 20  # characters of a word without blanks


def masked_source(text: str) -> str:
    """Return lines of code, as of a patch, with `***` for their secrets.

    These are those of `masked_settings`, and words of MIN_RANDOM characters that look random. It hides
    too much rather than too little: digests are hidden as well.
    """
    return CHUNK.sub(_without_random, masked_settings(text))


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


def _without_random(word: re.Match[str]) -> str:
    """Return a word, or `***` if it is long and looks random."""
    return HIDDEN if len(word[0]) >= MIN_RANDOM and looks_random(word[0]) else word[0]
