"""Leave the secrets out of a text: passwords, tokens, keys."""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import quote, quote_plus, unquote

from trainables.schema.text.addresses import (
    HIDDEN,
    MAX_ADDRESS,
    passwords_in,
    without_passwords,
    without_query_values,
)
from trainables.schema.text.beside import without_what_is_beside
from trainables.schema.text.in_words import is_clause, without_secrets_in_words
from trainables.schema.text.secret_names import (
    FIRST,
    SECRET_NAME,
    SECRET_WORDS,
    is_secret,
    kind_of_name,
)
from trainables.schema.text.shapes import (
    looks_random,
    without_headers,
    without_private_keys,
    without_shapes,
)

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


def masked(text: str) -> str:
    """Return a text with `***` for its secrets.

    These are passwords and tokens in addresses, most values in their queries, values of keys such as
    `password=` and `'api_key':`, keys of a shape that services are known for, and what is in this
    process's environment variables: values of names such as HF_TOKEN, and in others passwords of
    addresses and values of keys. Such a value is masked wherever it stands, in code, JSON and addresses
    too, if it has MIN_SECRET characters, or MIN_MIXED with letters and digits; a shorter one, which a
    sentence may have for another reason, where it is assigned, as in `DB_PASSWORD=test`.

    >>> masked("postgresql://me:pa/ss@w@host/db and http://host/?token=abc&x=1")
    'postgresql://me:***@host/db and http://host/?token=***&x=1'
    """
    text = without_private_keys(text)
    for value in _secrets_of_environment():
        if value not in text:
            continue
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
        elif kind_of_name(name):  # as of API_KEYS
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
    """Yield the secrets that a value of any variable holds: passwords of addresses, KEY=VALUE.

    >>> list(_secrets_within("-v --uri=http://me:abc@host/x -Dpassword=def --token ghi"))
    ['abc', 'abc', 'def', 'ghi']
    """
    for word in dict.fromkeys([*value.split(), *BETWEEN.split(value)]):
        for password in passwords_in(word[:MAX_ADDRESS]):
            yield from (password, unquote(password))
    for pair in PAIR.finditer(value):
        if is_secret(pair[1]) and (pair[2].strip() or pair[1].startswith("-")):
            yield pair[3].strip(AROUND)


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
