"""Leave the secrets out of the addresses in a text: users, passwords, and values of queries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

HIDDEN = "***"  # stands for a secret

# A word with an @, in which an address may be.
WITH_AT = re.compile(r"(?<!\S)(?=\S*@)\S+")
MAX_ADDRESS = 5_000  # characters; a longer word with an @ is masked as a whole
# What stands before the password of an address. That goes on to the last @, as it may hold signs that
# must be, but are not, written as %XX. A mistyped address may lack slashes, or its scheme. A file's
# address has no password, nor has that of a person, and names of folders may hold @. Before the address
# a line of a patch may have a plus.
BEFORE_PASSWORD = re.compile(
    r"(?i)(?<![\w.-])(?<![^\n]\+)(?!(?:sqlite|file|mailto):)([a-z0-9][\w+.-]{0,40}:/*)(?:([^\s:/@]*):)?"
)
DATABASE = (
    r"(?<![\w.-])(?<![^\n]\+)(?:postgres|mysql|mariadb|mssql)[\w+.-]{0,20}:"  # the scheme of one
)
# Passwords may be pasted with blanks, of databases whatever stands before the user.
WITH_BLANKS = re.compile(
    rf"(?i)((?:{DATABASE}/*|(?<![\w.-])[a-z][a-z0-9+.-]{{1,30}}://)[^\s:/@]{{1,100}}:)"
    r"(?!\d{1,5}[\s/?])(?!\s)[^\n@\"']{1,200}@"
)
# Of databases, to which people log in by a user name without a password; elsewhere it is a token.
USER_ALONE = re.compile(rf"(?i){DATABASE}//[^\s:/?@]*@")
# A word with a query or a fragment, and the keys whose values are shown: a secret may have any other
# name.
WITH_QUERY = re.compile(r"""(?<![^\s"'<>])([^\s"'<>?#]+)([?#][^\s"'<>]+)""")
SHOWN_KEYS = frozenset("sslmode ssl driver charset mode cache timeout connect_timeout".split())
SHOWN_VALUE = re.compile(r"(?i)\d{1,5}|true|false|\*\*\*")
# What a fragment may be without a sign: a place within a page.
PLACE = re.compile(r"/.*|L\d{1,6}(?:-L\d{1,6})?|[A-Z]?[a-z]+(?:[-_.][A-Za-z0-9]+)*")
LONG_CODE = re.compile(r"(?=[A-Za-z]{0,40}\d)[A-Za-z0-9+]{16,}")


def without_passwords(text: str) -> str:
    """Return a text with `***` for the passwords in its addresses, and for users that may be tokens.

    >>> without_passwords("postgresql://me:pa/ss@w@host/db")
    'postgresql://me:***@host/db'
    """
    return WITH_BLANKS.sub(rf"\g<1>{HIDDEN}@", WITH_AT.sub(_without_user_infos, text))


def without_query_values(text: str) -> str:
    """Return a text with `***` for the values in queries and fragments of its addresses.

    Those of SHOWN_KEYS, and those that are as SHOWN_VALUE, are shown, and places within a page.

    >>> without_query_values("http://host/?t=abc&x=1#token=abc")
    'http://host/?t=***&x=1#token=***'
    """
    return WITH_QUERY.sub(_with_shown_keys, text)


def passwords_in(word: str) -> list[str]:
    """Return the passwords, or users that may be tokens, of the addresses in a word without blanks."""
    return [address.password for address in _addresses(word)]


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
    """Return an address without those values of its query and fragment that may be secrets."""
    if ":/" not in word[1]:  # it is no address
        return word[0]
    query = word[2].rstrip(".,:;)]}")  # which end a clause or a bracket
    pieces, in_fragment = re.split("([&;?#])", query), False
    for number in range(2, len(pieces), 2):  # each behind its sign
        in_fragment = in_fragment or pieces[number - 1] == "#"
        if pieces[number]:
            pieces[number] = _shown_part(pieces[number], in_fragment)
    return word[1] + "".join(pieces) + word[2][len(query) :]


def _shown_part(part: str, in_fragment: bool) -> str:
    """Return a part of a query, or of a fragment, without its value if that may be a secret."""
    key, sign, value = part.partition("=")
    if sign:
        is_shown = key.lower() in SHOWN_KEYS or SHOWN_VALUE.fullmatch(value)
        return part if is_shown else f"{key}={HIDDEN}"
    if part.lower() in SHOWN_KEYS:
        return part
    is_place = in_fragment and PLACE.fullmatch(part) is not None
    is_code = LONG_CODE.search(part) and not part.startswith("/")
    return part if is_place and not is_code else HIDDEN


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
