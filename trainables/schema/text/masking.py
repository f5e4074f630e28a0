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
from trainables.schema.text.secret_names import SECRET_NAME, is_secret

# Before a value: `key=`; `key:` where either is in quotes, or the key is none that sentences have
# before a colon; and an option of a command.
ASSIGNMENT = re.compile(
    rf"""(?i)(?<![\w.-])([\w.-]*{SECRET_NAME}["']?\s?=\s?|"""
    # Not at the end of a path.
    rf"""(?<!/)[\w.-]*{SECRET_NAME}(?:["']\s?:\s?|\s?:\s?(?=["']))|"""
    r"""(?<!/)(?:[\w.-]*(?:api|access|secret|private)[_-]key|password|passwd)\s?:\s|"""
    rf"""--[\w-]*{SECRET_NAME}\s(?!-)|"""
    rf"""(?<=[?&])(?:key|pass|pw|auth)["']?\s?=\s?)"""
    # None, and marks within texts of a language model, are no secrets.
    r"""(?!["']?(?:None|null|True|False|<[^<>\s"']{0,20}>|\[[A-Z]{1,10}\])["']?(?:[\s,;)]|$))"""
    # A sign that ends a clause or a bracket is no part of the last word before it.
    r"""("[^"\n]*"|'[^'\n]*'|["']?(?:[^\s&"']*[^\s&"'.,:;)\]}]|[^\s&"']+))"""
)
# A header of a request; its value may have several words.
HEADER = re.compile(
    r"(?i)(?<![\w-])((?:proxy-)?authorization|x-[\w-]{0,40}(?:token|key|auth|secret)|(?:set-)?cookie)"
    r"([ \t]*:[ \t]*)[^\s\"'`][^\"'`\n]*"
)
# As long as the secret of a key of AWS, which has no sign of its own.
AWS_SECRET = re.compile(r"(?:(?<![\w/+=\\-])|(?<=\\[nrt]))[A-Za-z0-9/+]{40}(?![\w/+=-])")
# A change of the kind of letter, but for the begin of a word, as of SweepSpec.
TURN = re.compile(r"(?<=[a-z])[A-Z]|(?<=[A-Z]{2})[a-z]|(?<=[A-Za-z])\d|(?<=\d)[A-Za-z]")
MIN_TURNS = 0.25  # a letter; a third to a half of random ones, and less than a fifth of words
# As GitHub's and Hugging Face's scanners know them; also behind the end of a line within a repr.
KNOWN_SHAPES = re.compile(
    r"(?:\b|(?<=\\[nrt]))(?:hf_[A-Za-z0-9]{20,}|(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,}|"
    r"github_pat_\w{20,}|glpat-[\w-]{16,}|sk-[\w-]{20,}|xox[abprs]-[\w-]{10,}|"
    r"(?i:bearer|basic) +[\w.~+/-]{8,}=*|"
    r"AIza[\w-]{30,}|eyJ[\w-]{10,500}\.[\w-]{10,}\.[\w-]{10,}|dapi[0-9a-f]{32}|\d{8,10}:AA[\w-]{33})"
)
PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
LONGEST_SECRET = 4000  # characters
MIN_SECRET = 8  # characters of a variable's value; shorter ones occur within words


def masked(text: str) -> str:
    """Return a text with `***` for its secrets.

    These are passwords and tokens in addresses, most values in their queries, values of keys such as
    `password=` and `'api_key':`, keys of a shape that services are known for, and values of this
    process's environment variables with names such as HF_TOKEN.

    >>> masked("postgresql://me:pa/ss@w@host/db and http://host/?token=abc&x=1")
    'postgresql://me:***@host/db and http://host/?token=***&x=1'
    """
    for value in _secrets_of_environment():
        # A word may be a part of another one.
        text = re.sub(rf"\b{value}\b" if value.isalpha() else re.escape(value), HIDDEN, text)
    text = without_passwords(without_headers(text))
    text = ASSIGNMENT.sub(rf"\g<1>{HIDDEN}", text)
    text = AWS_SECRET.sub(lambda word: HIDDEN if looks_random(word[0]) else word[0], text)
    text = without_query_values(text)
    return PRIVATE_KEY.sub(HIDDEN, KNOWN_SHAPES.sub(HIDDEN, text))


def looks_random(word: str) -> bool:
    """Return whether small and large letters and digits take turns in a word.

    >>> looks_random("kR7dPz2WqX9mTb4LvY8s"), looks_random("data/Training2/Final")
    (True, False)
    """
    turns = [] if word.isalpha() else TURN.findall(word)
    return len(turns) >= 4 and len(turns) / len(word) >= MIN_TURNS


def without_headers(text: str) -> str:
    """Return a text with `***` for the values of headers by which requests log in.

    >>> without_headers("Authorization: Token abc")
    'Authorization: ***'
    """
    return HEADER.sub(rf"\g<1>\g<2>{HIDDEN}", text)


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
    return sorted((value for value in values if len(value) >= MIN_SECRET), key=len, reverse=True)
