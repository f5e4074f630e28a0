"""Find the value of a name of a secret in code and in settings, whatever stands between them."""

from __future__ import annotations

import re
from typing import NamedTuple

from trainables.schema.text.addresses import HIDDEN
from trainables.schema.text.secrets.in_prose import is_clause
from trainables.schema.text.secrets.names import kind_of_name

# Between a name and its value: the end of quotes and brackets, a type, and a sign; and what may stand
# before a name that begins its line, or its comment, in settings and shells.
SIGN = re.compile(
    r"""\\?["'`]?[\])]*[ \t]*(?::[ \t]*[A-Za-z&][\w.\[\]|&<>?' \t]{0,60}(?==))?"""
    r"""(?:=>|(?:\|\||\?\?|[!?+])?={1,3}|:=|[:,(])[ \t]*"""
)
LINE_BEGIN = re.compile(
    r"(?i)(?:^|[ \t](?=#|//))[+ \t#/*-]*(?:(?:export|env|set|declare|readonly)[ \t]+|-[ \t]+)?[\"']?$"
)
# What stands before a name within a mapping in braces, as `{user: me, secret: x}` of YAML.
IN_BRACES = re.compile(r"\{[^{}\n]*,[ \t]*$|\{[ \t]*$")
BREAK = r"\\?\r?\n[+ -]?[ \t]*"  # of a line of a patch
LITERAL = (
    r'(?:[rbfuRBFU]{0,2}(?:"{3}[\s\S]{0,4000}?"{3}|\'{3}[\s\S]{0,4000}?\'{3}|'
    r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|`[^`\n]*`|\\"[^"\\\n]{0,4000}\\"))'
)
LITERALS = re.compile(
    rf"(?:{BREAK}(?={LITERAL}(?![ \t]*:)))?{LITERAL}"
    rf"(?:[ \t]*(?:\+[ \t]*(?:{BREAK})?|\\\r?\n[+ -]?[ \t]*)?{LITERAL})*"
)
KEY_END = re.compile(r"[ \t]*:")  # what was in quotes before it is a key
BLOCK = re.compile(r"[|>][+-]?\d?[ \t]*\n(?:[+ -]?[ \t#]{2,}\S.*(?:\n|$)){1,200}")  # of YAML
# Alone in its line, below a name that may have a comment.
WORD_BELOW = re.compile(r"(?:#[^\n]*)?\r?\n[+ -]?[ \t#]*([^\s#-]\S{0,4000}(?<!:))[ \t]*(?=\r?\n|$)")
# A list in settings: below its name, or after it; the items of the latter may have no quotes.
LIST_BELOW = re.compile(r"(?:#[^\n]*)?(?:\n[+ -]?[ \t#]{0,80}-[ \t]+[^\n]{0,500}){1,200}")
MAPPING_BELOW = re.compile(
    r"(?:#[^\n]*)?(?:\n[+ -]?[ \t#]{2,80}[\w.\"'-]{1,80}:[ \t]+[^\n]{0,500}){1,200}"
)
# What is assigned, up to the end of the line, or of an argument: `x or "y"`, `f("y") if x else "z"`.
EXPRESSION = re.compile(rf"(?:[^\n\"'`]|{LITERAL}){{0,200}}")
ARGUMENT = re.compile(rf"(?:[^\n,\"'`]|{LITERAL}){{0,200}}")
# What is taken in the place of a name, or of a call with it, that is empty: `get("TOKEN", "") or "x"`.
IN_CALL = r"(?:\([^()\n]{0,100}\)|(?:,[^()\n]{0,100})?[)\]]){0,5}"
OR = rf"(?:(?:[ \t]+|[ \t]*{BREAK})(?:or|else)[ \t]+|[ \t]*(?:\|\||\?\?|\?:)[ \t]*)"
ALTERNATIVE = re.compile(
    rf"{IN_CALL}(?:{OR}[\w.]{{1,80}}{IN_CALL}){{0,3}}?{OR}{LITERAL}(?![ \t]+(?:not[ \t]+)?in[ \t])"
)
LINE_OF_BLOCK = re.compile(r"(?<=[ \t])[^\s|>][^\n]*(?=\n|$)")
MEMBER_BELOW = re.compile(r"(?<=:[ \t])[^\s#][^\n]*")
ITEM_BELOW = re.compile(r"(?<=-[ \t])[^\s-][^\n]*")
ITEM = re.compile(rf"{LITERAL}|(?![\d.]+\b)[^\s,\[\](){{}}\"'`]+")
# With brackets in it, but none in these.
IN_BRACKET = rf"(?:{LITERAL}|[^()\[\]{{}}\"'`])"
BRACKET = re.compile(
    rf"[(\[{{](?:{IN_BRACKET}|[(\[{{]{IN_BRACKET}{{0,200}}[)\]}}]){{0,2000}}[)\]}}]?"
)
MEMBER = re.compile(rf"(?<=:[ \t])(?:{LITERAL}|(?![\d.]+\b)[^\s,\[\](){{}}\"'`]+)")  # of a mapping
CALL = re.compile(r"[A-Za-z_][\w.]{0,100}(?=\()")  # up to its bracket
# Behind a tag and an anchor of YAML, or a word of a header.
WORD_ALONE = re.compile(
    r"(?:[!&]\S*[ \t]+){0,2}(?:(?i:basic|bearer|digest|token)[ \t]+)?[^\s,;})\]]+"
)
# Of YAML: the words behind the first, up to a comment.
REST_OF_LINE = re.compile(r"(?:[ \t]+[^\s#][^\s]*)*")
NO_SECRET = re.compile(
    r"""(?:["']?(?:None|null|True|False|true|false|\d{1,3}|str|int|bool|bytes|float)\b["']?|"""
    r"""["'](?:<[^<>"']{0,20}>|\[[A-Z]{1,10}\])?["'])$"""
)
SHELL_KEY = re.compile(r"[A-Z][A-Z0-9_]*_KEY$")
NEXT_WORD = re.compile(r"[ \t]+([^\s-]\S*)")
OPTION = re.compile(r"--$|--?[\w-]+-$")
MAX_BEFORE = 200  # characters of a line before a name that are looked at
MAX_ARGUMENTS = 4000  # characters of a call


class _Name(NamedTuple):
    """A name that tells of a secret, and what stands around it.

    text: all of the text.
    kind: `sure` or `doubtful`.
    line: what stands before it in its line, or the end of that.
    end: where it ends.
    sign: what stands between it and its value; empty without one.
    start: where its value would begin.
    begins_line: whether it begins its line, or its comment, as in settings.
    looked_to: what is below doubtful names was looked at up to here, and is not once more: names in a
        long list might each have the rest of it for their value.
    """

    text: str
    word: str
    kind: str
    line: str
    end: int
    sign: str
    start: int
    begins_line: bool
    looked_to: int

    @property
    def is_setting(self) -> bool:
        """Whether it is a key of YAML: it begins its line and has a colon."""
        return self.begins_line and self.sign.rstrip().endswith(":")


class Value(NamedTuple):
    """Where the value of a name begins and ends, and what is shown of it: None for all of it."""

    start: int
    end: int
    shown: str | None


def value_after(text: str, found: re.Match[str], looked_to: int) -> Value | None:
    """Return the value of a name; None if the name has none, or does not tell of a secret."""
    kind = kind_of_name(found[0])
    if not kind:
        return None
    first = max(0, found.start() - MAX_BEFORE)
    line = text[max(first, text.rfind("\n", first, found.start()) + 1) : found.start()]
    begins_line = bool(LINE_BEGIN.search(line)) or found[0].startswith("-")
    signs = SIGN.match(text, found.end())
    sign, start = (signs[0], signs.end()) if signs else ("", found.end())
    if sign.rstrip().endswith("("):  # the bracket is a part of the value
        start = found.end() + sign.rindex("(")
    name = _Name(text, found[0], kind, line, found.end(), sign, start, begins_line, looked_to)
    for finder in BEHIND_SIGN if sign else WITHOUT_SIGN:
        if value := finder(name):
            return value
    return None


def _of_option(name: _Name) -> Value | None:
    """Return the word behind an option of a command, as in `mysql --password abc`."""
    is_option = name.word.startswith("--") or OPTION.search(name.line)
    word = NEXT_WORD.match(name.text, name.start) if is_option else None
    return Value(*word.span(1), HIDDEN) if word else None


def _alternative(name: _Name) -> Value | None:
    """Return what is taken where a name has no value, as in `return token or "abc"`."""
    if name.line.endswith("/"):  # it is the end of a path, as in `"/etc/passwd" or "b"`
        return None
    is_quoted = name.text[name.end : name.end + 1] in ("'", '"', "`")
    several = ALTERNATIVE.match(name.text, name.end + is_quoted)
    value = _items(several, re.compile(LITERAL), name.kind) if several else None
    return value if value and value.shown is not None else None


def _told(name: _Name) -> Value | None:
    """Return what a comment tells about a secret; all is shown, as in `# password: ask the owner`."""
    is_comment = name.is_setting and re.search("#|//", name.line)
    if is_comment and is_clause(name.text, name.start):
        return Value(name.start, name.start, None)
    return None


def _of_call(name: _Name) -> Value | None:
    """Return the arguments of a call, up to the end of the line, as in `token = get("A", "abc")`."""
    call = CALL.match(name.text, name.start) if name.kind == "sure" else None
    return _items(_arguments(name.text, call), re.compile(LITERAL), name.kind) if call else None


def _in_brackets(name: _Name) -> Value | None:
    """Return what is in brackets, as in `auth=("me", "abc")`, or in settings in `passwords: [abc]`."""
    bracket = BRACKET.match(name.text, name.start)
    if not bracket:
        return None
    item = re.compile(LITERAL)
    if name.is_setting and bracket[0].startswith("["):
        item = ITEM
    elif name.is_setting and bracket[0].startswith("{") and _is_plural(name):
        item = MEMBER
    return _items(bracket, item, name.kind)


def _in_expression(name: _Name) -> Value | None:
    """Return an expression with quotes in it, as in `token = given or "abc"`."""
    if "=" not in name.sign or name.kind != "sure":
        return None
    literal = LITERALS.match(name.text, name.start)
    assigned = (EXPRESSION if name.begins_line else ARGUMENT).match(name.text, name.start)
    if assigned and assigned.end() > (literal.end() if literal else 0):
        several = _items(assigned, re.compile(LITERAL), name.kind)
        return several if several.shown is not None else None
    return None


def _in_quotes(name: _Name) -> Value | None:
    """Return what is in quotes, as in `"token": "abc"`. It is shown if it is a key of its own."""
    literal = LITERALS.match(name.text, name.start)
    if not literal:
        return None
    is_key = name.sign.rstrip().endswith(",") and KEY_END.match(name.text, literal.end())
    if is_key or _shown(literal[0], name.kind) != HIDDEN:
        # Within a text that is shown, other names may have values.
        return Value(name.start, name.start, None)
    return Value(*literal.span(), HIDDEN)


def _below(name: _Name) -> Value | None:
    """Return what is below a key of YAML, as in `token:\\n  abc`: a word, lines, a list, a mapping."""
    if not name.is_setting or (name.kind != "sure" and name.start < name.looked_to):
        return None
    kinds = [(LIST_BELOW, ITEM_BELOW), (BLOCK, LINE_OF_BLOCK)]
    if _is_plural(name):
        kinds.append((MAPPING_BELOW, MEMBER_BELOW))
    for pattern, item in kinds:
        if several := pattern.match(name.text, name.start):
            return _items(several, item, name.kind)
    word = WORD_BELOW.match(name.text, name.start)
    return Value(*word.span(1), _shown(word[1], name.kind)) if word else None


def _word_alone(name: _Name) -> Value | None:
    """Return a word without quotes, and in YAML the rest of its line, as in `password: abc def`."""
    is_sure = name.kind == "sure" or (SHELL_KEY.match(name.word) and name.sign == "=")
    is_member = name.sign.endswith(" ") and IN_BRACES.search(name.line)
    if not is_sure or not (name.begins_line or is_member):
        return None
    word = WORD_ALONE.match(name.text, name.start)
    if not word:
        return None
    shown, end = _shown(word[0], "sure"), word.end()
    if name.is_setting and shown == HIDDEN and (rest := REST_OF_LINE.match(name.text, end)):
        end = rest.end()
    return Value(name.start, end, shown)


# Tried in this order: the first that returns a value is right.
WITHOUT_SIGN = (_alternative, _of_option)
BEHIND_SIGN = (
    _alternative, _told, _of_call, _in_brackets, _in_expression, _in_quotes, _below, _word_alone,
)  # fmt: skip


def _is_plural(name: _Name) -> bool:
    """Return whether a name is one of several secrets, as `passwords`."""
    return name.word.lower().endswith("s")


def _arguments(text: str, call: re.Match[str]) -> re.Match[str]:
    """Return what stands behind the name of a call: the rest of its line, and of its brackets."""
    bracket = BRACKET.match(text, call.end())
    end_of_line = text.find("\n", call.end())
    end = max(bracket.end() if bracket else 0, end_of_line if end_of_line >= 0 else len(text))
    arguments = re.compile(r"[\s\S]*").match(text, call.end(), min(end, call.end() + MAX_ARGUMENTS))
    assert arguments is not None
    return arguments


def _items(group: re.Match[str], item: re.Pattern[str], kind: str) -> Value:
    """Return a value of several items. Where one is hidden, or has been before, so are all.

    kind: of the name.
    """
    text = group[0]
    if HIDDEN in text or any(_shown(one[0], kind) == HIDDEN for one in item.finditer(text)):
        kind = "sure"
    shown = item.sub(lambda one: _shown(one[0], kind), text)
    return Value(*group.span(), shown if shown != text else None)


def _shown(value: str, kind: str) -> str:
    """Return what is shown of the value of a name of some kind."""
    if NO_SECRET.match(value):
        return value
    inner = value.strip("\"'`")
    looks_so = len(inner) >= 12 and not re.search(r"\s", inner) and re.search(r"\d", inner)
    return HIDDEN if kind == "sure" or looks_so else value
