"""Leave out what is assigned to a name of a secret in any text: `password=x`, `--token x`."""

from __future__ import annotations

import re

from trainables.schema.text.addresses import HIDDEN
from trainables.schema.text.secrets.in_prose import is_clause
from trainables.schema.text.secrets.names import BEFORE_COLON, FIRST, OF_SHELL, SECRET_NAME

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
    rf"""(?i)(?=[{FIRST}_])({SECRET_NAME}(?:["']?\s?(?:[!?+]?={{1,3}}|=>)\s?|["']\s?:\s?|\s?:\s?(?=["']))|"""
    rf"""{BEFORE_COLON}\s?:\s|(?-i:{OF_SHELL}=)|"""
    rf"""(?<=[?&])(?:key|pass|pw|auth)["']?\s?=\s?){VALUE}"""
)
OPTION = re.compile(rf"(?i)(?<![\w.-])(--[\w-]{{0,80}}{SECRET_NAME}\s)(?!-){VALUE}")
WORD = re.compile(r"[\w.-]*")


def without_assigned(text: str) -> str:
    """Return a text with `***` for what is assigned to a name of a secret, or to an option of one.

    A colon behind the end of a path assigns nothing, nor does one before a clause.

    >>> without_assigned("run --api-token abc with DB_PASSWORD=abc and max_tokens=3")
    'run --api-token *** with DB_PASSWORD=*** and max_tokens=3'
    """
    text = OPTION.sub(rf"\g<1>{HIDDEN}", text)
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
