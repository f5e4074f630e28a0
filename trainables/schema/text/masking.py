"""Leave the secrets out of a text: passwords, tokens, keys."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote

HIDDEN = "***"  # stands for a secret

# Of keys in addresses, of settings and of environment variables whose values are secrets.
SECRET_NAME = (
    r"(?:token|(?:secret|password|passwd)(?:[_.-]\w{1,20})?|pwd|passphrase|(?<=[_.-])pass|"
    r"credentials?|signature|sig|j?session_?id|"
    r"(?:api|access|account|private|shared|secret|auth|encryption)[_.-]?key(?:[_.-]?id)?)"
)
# A word with an @, in which an address may be.
WITH_AT = re.compile(r"(?<!\S)(?=\S*@)\S+")
MAX_ADDRESS = 5_000  # characters; a longer word with an @ is masked as a whole
# What stands before the password of an address. That goes on to the last @, as it may hold signs that
# must be, but are not, written as %XX. A mistyped address may lack slashes, or its scheme. A file's
# address has no password, and names of folders may hold @.
BEFORE_PASSWORD = re.compile(
    r"(?i)(?<![\w+.-])(?!(?:sqlite|file):)([a-z0-9][\w+.-]{0,40}:/*)(?:([^\s:/@]*):)?"
)
DATABASE = r"(?<![\w+.-])(?:postgres|mysql|mariadb|mssql)[\w+.-]{0,20}:"  # the scheme of one
# Of databases, whose passwords may be pasted with blanks.
WITH_BLANKS = re.compile(
    rf"(?i)({DATABASE}/*[^\s:/@]{{1,100}}:)(?!\d{{1,5}}[\s/?])[^\n@\"']{{1,200}}@"
)
# Of databases, to which people log in by a user name without a password; elsewhere it is a token.
USER_ALONE = re.compile(rf"(?i){DATABASE}//[^\s:/?@]*@")
# A word with a query, and the keys whose values are shown: a secret may have any other name.
WITH_QUERY = re.compile(r"""(?<![^\s"'<>])([^\s"'<>?]+\?)([^\s"'<>]+)""")
SHOWN_KEYS = frozenset("sslmode ssl driver charset mode cache timeout connect_timeout".split())
SHOWN_VALUE = re.compile(r"(?i)\d{1,5}|true|false|\*\*\*")
# Before a value: `key=`; `key:` where either is in quotes, or the key is none that sentences have
# before a colon; and an option of a command.
ASSIGNMENT = re.compile(
    rf"""(?i)(?<![\w.-])([\w.-]*{SECRET_NAME}(?:["']?\s?=\s?|["']\s?:\s?|\s?:\s?(?=["']))|"""
    r"""(?:[\w.-]*(?:api|access|secret|private)[_-]key|password|passwd)\s?:\s?|"""
    rf"""--[\w-]*{SECRET_NAME}\s(?!-)|"""
    rf"""(?<=[?&])(?:key|pass|pw|auth)["']?\s?=\s?)"""
    # None, and marks within texts of a language model, are no secrets.
    r"""(?!["']?(?:None|null|True|False|<[^<>\s"']{0,20}>|\[[A-Z]{1,10}\])["']?(?:[\s,;)]|$))"""
    # A sign that ends a clause or a bracket is no part of the last word before it.
    r"""("[^"\n]*"|'[^'\n]*'|["']?(?:[^\s&"']*[^\s&"'.,:;)\]}]|[^\s&"']+))"""
)
FOLDERS = ("PWD", "OLDPWD")  # in which the shell is and was, and no passwords
NAMED_SO = re.compile(
    rf"(?i).*(?:{SECRET_NAME}|_(?:key|pass|pw|pat|dsn)|secret_\w+|connection_string|webhook(?:_url)?)$"
)
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
    text = WITH_BLANKS.sub(rf"\g<1>{HIDDEN}@", WITH_AT.sub(_without_user_infos, text))
    text = WITH_QUERY.sub(_with_shown_keys, ASSIGNMENT.sub(rf"\g<1>{HIDDEN}", text))
    return PRIVATE_KEY.sub(HIDDEN, KNOWN_SHAPES.sub(HIDDEN, text))


def is_secret(name: str) -> bool:
    """Return whether a variable of this name holds a secret.

    >>> is_secret("AWS_ACCESS_KEY_ID"), is_secret("HF_HUB_OFFLINE")
    (True, False)
    """
    return name not in FOLDERS and bool(NAMED_SO.match(name))


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


def _without_user_infos(word: re.Match[str]) -> str:
    """Return a word without the passwords of the addresses in it."""
    text = word[0]
    if len(text) > MAX_ADDRESS:
        return HIDDEN
    pieces, end = [], 0
    for address in _addresses(text):
        pieces += [text[end : address.start], address.shown]
        end = address.end
    return "".join([*pieces, text[end:]])


def _with_shown_keys(word: re.Match[str]) -> str:
    """Return an address with a query, of whose values SHOWN_KEYS and SHOWN_VALUE alone are shown."""
    if ":/" not in word[1]:  # it is no address
        return word[0]
    query = word[2].rstrip(".,:;)]}")  # which end a clause or a bracket
    parts = []
    for part in re.split("([&;])", query):
        key, sign, value = part.partition("=")
        is_shown = (
            part in ("", "&", ";") or key.lower() in SHOWN_KEYS or SHOWN_VALUE.fullmatch(value)
        )
        parts.append(part if is_shown else f"{key}={HIDDEN}" if sign else HIDDEN)
    return word[1] + "".join(parts) + word[2][len(query) :]


class _Address(NamedTuple):
    """An address within a text, up to the @ behind its password.

    password: or the user, if the address has no password.
    shown: what is shown of it, the @ included.
    """

    start: int
    end: int
    password: str
    shown: str


def _addresses(text: str) -> Iterator[_Address]:
    """Yield the addresses with a password, or a user that may be a token, in a word without blanks."""
    at, last = 0, text.rfind("@")
    while (begin := BEFORE_PASSWORD.search(text, at, last + 1)) is not None:
        end = text.rfind("@", begin.end()) + 1
        # The scheme of another address may stand within what looks like this one's.
        at = end or begin.start() + 1
        if not end or USER_ALONE.fullmatch(text[begin.start() : end]):
            continue
        scheme, user = begin[1], begin[2]
        shown = f"{scheme}{user}:{HIDDEN}@" if user is not None else f"{scheme}{HIDDEN}@"
        yield _Address(begin.start(), end, text[begin.end() : end - 1], shown)


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
        for address in _addresses(first_word):
            values |= {address.password, unquote(address.password)}
    values |= {quote(value, safe="") for value in values}
    return sorted((value for value in values if len(value) >= MIN_SECRET), key=len, reverse=True)
