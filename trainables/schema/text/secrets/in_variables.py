"""Leave out of a text the secrets that this process's environment variables hold."""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import quote, quote_plus, unquote

from trainables.schema.text.addresses import HIDDEN, MAX_ADDRESS, passwords_in
from trainables.schema.text.secrets.by_command import without_what_is_beside
from trainables.schema.text.secrets.by_shape import looks_random, without_headers, without_shapes
from trainables.schema.text.secrets.names import SECRET_WORDS, is_secret, kind_of_name

MIN_SECRET = 8  # characters of a variable's value; shorter ones occur within words
MIN_MIXED = 6  # if it has letters and digits, which words have not
# In values of variables: what stands around them; a user or a word of a header before a password; signs
# between addresses; and KEY=VALUE, "KEY": "VALUE", --option VALUE.
AROUND = " \t\r\n\"'"
LOGIN = re.compile(r"(?:(?i:basic|bearer|digest|token)[ \t]+|[^\s:/]{1,100}:(?!//))(\S+)")
BETWEEN = re.compile(r"[\s,;|\"']+")
WORD_OR_QUOTED = r"""("[^"\n]{1,4000}"|'[^'\n]{1,4000}'|[^\s;&,"']{1,4000})"""
PAIR = re.compile(
    r"""(?<![\w.-])(?=([\w.-]{1,80})(["']?\s?=\s?|["']\s?:\s?|\s(?!-))"""
    rf"{WORD_OR_QUOTED})"
)
# Other passes that find secrets in the value of a variable.
FINDERS = (without_headers, without_what_is_beside, without_shapes)


def without_values_of_variables(text: str) -> str:
    """Return a text with `***` for secrets in the variables of this process, wherever they stand.

    These are values of names such as HF_TOKEN, and in others passwords of addresses and values of keys,
    in every form in which texts have them. Each has MIN_SECRET characters, or MIN_MIXED with letters
    and digits: a shorter one may stand in a sentence for another reason.
    """
    for value in _secrets_of_environment():
        if value not in text:
            continue
        # A word may be a part of another one.
        is_word = value.isalpha() or (value.isalnum() and len(value) < MIN_SECRET)
        text = re.sub(rf"\b{value}\b" if is_word else re.escape(value), HIDDEN, text)
    return text


def _secrets_of_environment() -> list[str]:
    """Return the secrets in the variables of this process, in all their forms, the longest first.

    Paths of what is there are not among them.
    """
    values = _secrets_in(tuple(os.environ.items()))
    return [value for value in values if not (os.path.isabs(value) and os.path.exists(value))]


@lru_cache(maxsize=4)
def _secrets_in(variables: tuple[tuple[str, str], ...]) -> list[str]:
    """Return what may be secrets in (name, value) of an environment, the longest first."""
    values: set[str] = set()
    for name, value in variables:
        values.update(_secrets_within(value))
        if is_secret(name):
            values.update(_parts(value))
        if kind_of_name(name):  # there may be several, as in API_KEYS
            values.update(filter(looks_random, BETWEEN.split(value)))
    secrets = set(filter(_is_secret_by_itself, values))
    # A text may hold a text that holds the value, as the repr of an error's text does.
    for _ in range(2):
        secrets = {form for secret in secrets for form in _forms(secret)}
    return sorted(secrets, key=len, reverse=True)


def _parts(secret: str) -> Iterator[str]:
    """Yield the value of a variable that is named as secrets are, and its parts that are secrets.

    Blanks, ends of lines and quotes around it are none of it: files of settings leave them there.

    >>> list(_parts("bob:swordfish\\n")), list(_parts("Bearer abc"))
    (['bob:swordfish', 'swordfish', 'bob:swordfish'], ['Bearer abc', 'abc', 'Bearer abc'])
    """
    whole = secret.strip(AROUND)
    yield whole
    if login := LOGIN.fullmatch(whole):
        yield login[1]
    for line in whole.splitlines():
        # By its first line a private key is known, this one and others.
        if not line.startswith("-----"):
            yield line.strip(AROUND)


def _secrets_within(value: str) -> Iterator[str]:
    """Yield the secrets that a value of any variable holds: of addresses, KEY=VALUE, commands, headers.

    >>> list(_secrets_within("-v --uri=http://me:abc@host/x -Dpassword=def --token ghi"))
    ['abc', 'abc', 'def', 'ghi']
    >>> list(_secrets_within("curl -u me:abc"))
    ['abc', 'abc']
    """
    for word in dict.fromkeys([*value.split(), *BETWEEN.split(value)]):
        for password in passwords_in(word[:MAX_ADDRESS]):
            yield from (password, unquote(password))
    for pair in PAIR.finditer(value):
        if is_secret(pair[1]) and (pair[2].strip() or pair[1].startswith("-")):
            yield pair[3].strip(AROUND)
    for finder in FINDERS:
        for hidden in _hidden_between(value, finder(value)):
            yield from _parts(hidden)


def _hidden_between(value: str, shown: str) -> list[str]:
    """Return what a value has where `***` stands in what is shown of it.

    >>> _hidden_between("curl -u me:abc http://host", "curl -u me:*** http://host")
    ['abc']
    """
    if shown == value:
        return []
    around = "(.+?)".join(map(re.escape, shown.split(HIDDEN)))
    between = re.fullmatch(around, value, re.DOTALL)
    return list(between.groups()) if between else []


def _forms(value: str) -> Iterator[str]:
    """Yield a value as texts have it: in code and JSON, in addresses, in pages and in shells."""
    in_bytes = os.fsencode(value)
    yield from (value, repr(value)[1:-1], ascii(value)[1:-1], repr(in_bytes)[2:-1])
    # Where the text around it has a double quote, a single one has a backslash.
    yield from (repr(f'"{value}')[2:-1], ascii(f'"{value}')[2:-1], repr(b'"' + in_bytes)[3:-1])
    yield from (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1])
    yield from (quote(in_bytes, safe=""), quote_plus(in_bytes))
    yield from (html.escape(value), value.replace("'", "'\"'\"'"))


def _is_secret_by_itself(value: str) -> bool:
    """Return whether a value is long enough to stand in a text for itself alone.

    A word such as `password` is none: behind it secrets stand.
    """
    is_mixed = any(map(str.isalpha, value)) and any(map(str.isdigit, value))
    is_long = len(value) >= (MIN_MIXED if is_mixed else MIN_SECRET)
    return is_long and value.lower() not in SECRET_WORDS
