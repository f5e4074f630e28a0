"""Leave the secrets out of a text: passwords, tokens, keys."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from urllib.parse import quote, unquote

from trainables.schema.text.addresses import (
    HIDDEN,
    passwords_in,
    without_passwords,
    without_query_values,
)
from trainables.schema.text.beside import without_what_is_beside
from trainables.schema.text.in_words import is_clause, without_secrets_in_words
from trainables.schema.text.secret_names import FIRST, SECRET_NAME, is_secret
from trainables.schema.text.shapes import without_headers, without_shapes

VALUE = (
    # None, and marks within texts of a language model, are no secrets.
    r"""(?!["']?(?:None|null|True|False|<[^<>\s"']{0,20}>|\[[A-Z]{1,10}\])["']?(?:[\s,;)]|$))"""
    r"""(?:[(\[]\s?(?:(?:"[^"\n]*"|'[^'\n]*')\s?,?\s?){1,20}[)\]]?|"""
    # A sign that ends a clause or a bracket is no part of the last word before it.
    r""""[^"\n]*"|'[^'\n]*'|["']?(?:[^\s&"']*[^\s&"'.,:;)\]}]|[^\s&"']+))"""
)
# Before a value: `key=`; `key:` where either is in quotes, or the key is none that sentences have
# before a colon.
ASSIGNMENT = re.compile(
    rf"""(?i)(?=[{FIRST}_])({SECRET_NAME}(?:["']?\s?(?:!?={{1,3}}|=>)\s?|["']\s?:\s?|\s?:\s?(?=["']))|"""
    r"""(?:(?:api|access|secret|private)[_-]key|(?<![\w.-])passw(?:or)?d)\s?:\s|"""
    r"""(?-i:(?<=[A-Z0-9])_(?:KEY|CONNECTION_STRING|WEBHOOK(?:_URL)?)=)|"""
    rf"""(?<=[?&])(?:key|pass|pw|auth)["']?\s?=\s?){VALUE}"""
)
OPTION = re.compile(rf"(?i)(?<![\w.-])(--[\w-]{{0,80}}{SECRET_NAME}\s)(?!-){VALUE}")
WORD = re.compile(r"[\w.-]*")
LONGEST_SECRET = 4000  # characters
MIN_SECRET = 8  # characters of a variable's value; shorter ones occur within words
MIN_MIXED = 6  # if it has letters and digits, which words have not


def masked(text: str) -> str:
    """Return a text with `***` for its secrets.

    These are passwords and tokens in addresses, most values in their queries, values of keys such as
    `password=` and `'api_key':`, keys of a shape that services are known for, and values of this
    process's environment variables with names such as HF_TOKEN. Such a value is masked wherever it
    stands if it has MIN_SECRET characters, or MIN_MIXED with letters and digits; a shorter one, which
    a sentence may have for another reason, where it is assigned, as in `DB_PASSWORD=test`.

    >>> masked("postgresql://me:pa/ss@w@host/db and http://host/?token=abc&x=1")
    'postgresql://me:***@host/db and http://host/?token=***&x=1'
    """
    for value in _secrets_of_environment():
        # A word may be a part of another one.
        is_word = value.isalpha() or (value.isalnum() and len(value) < MIN_SECRET)
        text = re.sub(rf"\b{value}\b" if is_word else re.escape(value), HIDDEN, text)
    text = without_passwords(without_headers(text))
    text = without_query_values(without_what_is_beside(text))
    text = _without_assigned(OPTION.sub(rf"\g<1>{HIDDEN}", text))
    return without_shapes(without_secrets_in_words(text))


def masked_head(text: str, most: int) -> str:
    """Return the masked beginning of a text: so many characters, or all of it if it is shorter.

    More is masked than is returned, as half of a secret would not be known as one.
    """
    size = most + LONGEST_SECRET
    while size < len(text):
        head = masked(text[:size])
        if len(head) >= most + LONGEST_SECRET:
            return head[:most]
        size *= 2
    return masked(text)[:most]


def _without_assigned(text: str) -> str:
    """Return a text with `***` for what is assigned to a name of a secret.

    A colon behind the end of a path assigns nothing, nor does one before a clause.
    """
    pieces, end, at = [], 0, 0
    while assigned := ASSIGNMENT.search(text, at):
        at = assigned.end(1)
        if "=" not in assigned[1]:
            before = text[max(0, assigned.start() - 100) : assigned.start()][::-1]
            if WORD.sub("", before, count=1).startswith("/") or is_clause(text, at):
                continue
        pieces += [text[end:at], HIDDEN]
        at = end = assigned.end()
    return "".join([*pieces, text[end:]])


def _secrets_of_environment() -> list[str]:
    """Return the values of the variables that are named as secrets are, the longest first.

    The passwords in addresses, as of OPTUNA_STORAGE, are among them, and each value as it stands in an
    address, too; paths of what is there are not.
    """
    values = _secrets_in(tuple(os.environ.items()))
    return [value for value in values if not (os.path.isabs(value) and os.path.exists(value))]


@lru_cache(maxsize=4)
def _secrets_in(variables: tuple[tuple[str, str], ...]) -> list[str]:
    """Return what may be secrets in (name, value) of an environment, the longest first."""
    values = {value for name, value in variables if is_secret(name)}
    for _, value in variables:
        first_word = value.split(maxsplit=1)[0] if value.strip() else ""
        for password in passwords_in(first_word):
            values |= {password, unquote(password)}
    values |= {quote(value, safe="") for value in values}
    return sorted(filter(_is_secret_by_itself, values), key=len, reverse=True)


def _is_secret_by_itself(value: str) -> bool:
    """Return whether a value is long enough to stand in a text for itself alone."""
    is_mixed = any(map(str.isalpha, value)) and any(map(str.isdigit, value))
    return len(value) >= (MIN_MIXED if is_mixed else MIN_SECRET)
