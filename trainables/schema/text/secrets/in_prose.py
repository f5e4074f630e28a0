"""Leave out secrets that stand in prose behind their names, and tell prose about them from secrets."""

from __future__ import annotations

import re

from trainables.schema.text.addresses import HIDDEN
from trainables.schema.text.secrets.by_shape import looks_random
from trainables.schema.text.secrets.names import OF_PROSE

# A secret in prose: behind its name, with letters and digits, and no path, file or kind of digest.
SURE = re.compile(
    rf"(?i)(?<![\w./-])((?:{OF_PROSE})(?: \([^()\n]{{1,20}}\))?(?: (?:is|was))?"
    r"[ \t]?(?:[:=→-]|->)?[ \t]+[\"'`]?)"
    r"(?!argon2|pbkdf2|sha-?\d|base64)(?=[^\s\d]{0,40}\d)(?=[\W\d_]{0,40}[a-z])"
    r"[\w!@#$%^&*+?~-]{7,}(?![\w/:]|\.\w)"
)
# Within quotes, whatever it looks like.
IN_QUOTES = r"(?:\"[^\"\n]{1,200}\"|'[^'\n]{1,200}'|`[^`\n]{1,200}`)"
QUOTED = re.compile(rf"(?i)(?<![\w./-])((?:{OF_PROSE}) (?:is|was|=)[ \t]+){IN_QUOTES}")
# Within the quotes of Markdown right behind its name, unless it is a name of code or an option.
MARKED = re.compile(
    rf"(?<![\w./-])((?i:{OF_PROSE})(?:(?: [a-z]+){{0,4}} (?:is|was))?[ \t]+)"
    r"`(?!-|[a-z_]+`|[A-Z_]+`)[\w!@#%^&*+?~-]{6,200}`"
)
# Behind a word with other meanings, in code for language models above all.
DOUBTFUL = re.compile(
    r"(?i)(?<![\w./-])((?:token|secret|key)(?: (?:is|was))?[ \t]?[:=]?[ \t]+[\"'`]?)"
    r"([\w+-]{16,})(?![\w/:.])"
)
# How a clause begins that tells where a password is, in the place of one.
CLAUSE = re.compile(
    r"(?i)(?:ask|see|set|use|read|get|take|taken|given|kept|stored|comes|must|is|are|never|not|no|none|"
    r"only|from|in|by|via|of|as|the|your|for|optional|required)[ \t]+(?![\w-]*\d)[a-z$`\"'~/.-]"
)


def without_secrets_in_prose(text: str) -> str:
    """Return a text with `***` for what stands behind the name of a secret and looks like none other.

    >>> without_secrets_in_prose("the password is hunter2abc, as every password must be long")
    'the password is ***, as every password must be long'
    """
    for pattern in (SURE, QUOTED, MARKED):
        text = pattern.sub(rf"\g<1>{HIDDEN}", text)
    return DOUBTFUL.sub(lambda found: found[1] + _hidden_if_random(found[2]), text)


def is_clause(text: str, start: int) -> bool:
    """Return whether what begins at a place in a text tells about a secret, as `ask the owner` does.

    >>> is_clause("no password: ask ops", 13), is_clause("password: swordfish", 10)
    (True, False)
    """
    return bool(CLAUSE.match(text, start))


def _hidden_if_random(word: str) -> str:
    """Return a word, or `***` if it looks random."""
    return HIDDEN if looks_random(word) else word
