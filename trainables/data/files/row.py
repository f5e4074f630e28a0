"""A row of a file, and the texts in its fields, which are refused if they are no sound text."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from trainables.schema.text.shown import as_value

HALF_CHARACTER = re.compile("[\ud800-\udfff]")
# Control characters but white space, and byte-order marks, which are left over from a conversion.
UNSOUND = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff\ud800-\udfff]")
MAX_TEXT = 1_000_000  # characters of a text
LONGEST = 80  # characters of a value that a sentence shows


class Row(NamedTuple):
    """One row of a file.

    Attributes:
        where: the file and the place in it, for sentences, such as `a.csv, row 2 (line 3)`.
        fields: the value of each field by its name.
    """

    where: str
    fields: Mapping[str, Any]


def text_in(row: Row, field: str) -> str:
    """Return the text in a field of a row, without the blanks around it; it may be empty.

    Raises:
        ValueError: the field is missing, holds something else than text, or is no sound text.
    """
    if field not in row.fields:
        raise ValueError(
            f"{row.where}: must have text in the field {field!r}, but has the fields "
            f"{names_in_words(row.fields)}{_to_rename(field, row.fields)}."
        )
    return sound_text(row.fields[field], row.where, f"the field {field!r}")


def _to_rename(field: str, fields: Mapping[str, Any]) -> str:
    """Return the end of a sentence that names the field which another was probably meant to be."""
    alike = [name for name in fields if name.casefold() == field.casefold()]
    close = alike or difflib.get_close_matches(field, [*fields], n=1)
    return f": rename {close[0]!r} to {field!r}" if close else ""


def words_in(row: Row, field: str) -> str:
    """Return the text in a field of a row as text_in does, if it is not blank.

    Raises:
        ValueError: as text_in, or the text is blank.
    """
    if not (text := text_in(row, field)):
        raise ValueError(f"{row.where}: must have text in the field {field!r}, but it is blank.")
    return text


def sound_text(value: Any, where: str, what: str) -> str:
    """Return a value without the blanks around it, if it is text that UTF-8 can hold.

    Args:
        where: the file and the place in it, for the error.
        what: the part of the row, for the error, such as `the field 'text'`.

    Raises:
        ValueError: it is no text, is longer than MAX_TEXT, or has a control character that is no
            white space, a byte-order mark, or half of a surrogate pair.
    """
    if not isinstance(value, str):
        raise ValueError(f"{where}: must have text in {what}, but got {as_value(value)}.")
    if len(value) > MAX_TEXT:
        raise ValueError(
            f"{where}: must have at most {MAX_TEXT:,} characters in {what}, but has {len(value):,}: "
            f"cut it, or check the quotes of the file."
        )
    if unsound := UNSOUND.search(value):
        raise ValueError(
            f"{where}: must have sound text in {what}, but character {unsound.start() + 1} is "
            f"{_name(unsound.group())}: take it out, or write the text anew from its source."
        )
    return value.strip()


def first_repeated(names: Iterable[str]) -> str | None:
    """Return the first name that has come before; None if all are different."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def names_in_words(names: Iterable[Any]) -> str:
    """Return the names of fields as a sentence lists them; `none` if there are none."""
    listed = ", ".join(name if str(name).isprintable() else repr(name) for name in map(str, names))
    return listed[:LONGEST] or "none"


def _name(character: str) -> str:
    """Return what an unsound character is, with its number in Unicode."""
    if HALF_CHARACTER.match(character):
        kind = "half of a surrogate pair"
    else:
        kind = "a byte-order mark" if character == "\ufeff" else "a control character"
    return f"{kind} (U+{ord(character):04X})"
