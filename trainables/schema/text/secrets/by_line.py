"""Leave out secrets between whose name and value blanks, tags or bars alone stand, as in shells."""

from __future__ import annotations

import re

from trainables.schema.text.addresses import HIDDEN
from trainables.schema.text.secrets.names import kind_of_name

NAME = r"(?P<name>[\w.:-]{1,80})"
SIGN = r"[?+|!]{1,2}="
VALUE = (
    r"""(?P<value>"[^"\n]{1,4000}"|'[^'\n]{1,4000}'|"""
    rf"""(?!{SIGN})[^\s"'|;<>=:][^\s|;<>]{{0,4000}})"""
)
END = r"(?=[ \t]*;?[ \t]*\r?$)"  # of a line
COMMANDS = r"set|setx|setenv|env|arg|export|config|configure|%env"
KINDS = (
    # `set -x NAME value` of shells, `ENV NAME value` of Docker, `git config NAME value`.
    rf"(?<![\w.-])(?:{COMMANDS})(?:[ \t]+(?:--?\w{{1,20}}|set|add)){{0,5}}[ \t]+"
    rf"{NAME}[ \t]+{VALUE}",
    # A line of a configuration file: `requirepass value`, `password value;`.
    rf"^[+ -]?[ \t]{{0,80}}@?{NAME}[ \t]+{VALUE}{END}",
    # Arguments, one a line: `- --password` above `- value`.
    rf"-[ \t]+[\"']?--?{NAME}[\"']?,?[ \t]*\r?\n[+ -]?[ \t]{{0,80}}-[ \t]+{VALUE}",
    # <password>value</password>
    rf"<{NAME}(?:[ \t][^<>\n]{{0,200}})?>(?P<value>[^<>\n]{{1,4000}})(?=</)",
    # <password value="value"/>
    rf"<{NAME}[ \t][^<>\n]{{0,200}}?\bvalue[ \t]?=[ \t]?{VALUE}",
    # A row of a table: | password | value |
    rf"\|[ \t]{{0,20}}{NAME}[ \t]{{0,20}}\|[ \t]{{0,20}}{VALUE}(?=[ \t]{{0,20}}\|)",
)
PATTERNS = tuple(re.compile(rf"(?im){kind}") for kind in KINDS)


def without_values_of_lines(text: str) -> str:
    """Return lines of settings and of shells with `***` for what follows the name of a secret.

    >>> without_values_of_lines("ENV DB_PASSWORD abc").split(), without_values_of_lines("set steps 3")
    (['ENV', 'DB_PASSWORD', '***'], 'set steps 3')
    """
    for pattern in PATTERNS:
        text = pattern.sub(_hidden, text)
    return text


def _hidden(found: re.Match[str]) -> str:
    """Return what was found, with its value hidden if its name tells of a secret."""
    is_secret = kind_of_name(found["name"]) == "sure"
    start, end = (at - found.start() for at in found.span("value"))
    return f"{found[0][:start]}{HIDDEN}{found[0][end:]}" if is_secret else found[0]
