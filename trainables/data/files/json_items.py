"""The values in a list of JSON, one at a time, in bounded memory."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

BLANKS = re.compile(r"[ \t\n\r]*")
# A whole string, or what stands around values. A string without an end is found by its quote alone.
SIGNS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["\[\]{},]', re.DOTALL)


class TooManyValues(ValueError):
    """A value of JSON has more values in it than are taken."""


def items_of_list(
    text: str,
    *,
    as_object: Callable[[list[tuple[str, Any]]], Any] | None = None,
    as_number: Callable[[str], Any] | None = None,
    most_values: int | None = None,
) -> Iterator[Any]:
    """Yield the values in a list of JSON, one at a time: they may take far more room than their text.

    Args:
        text: has a list, after blanks.
        as_object, as_number: as of from_json.
        most_values: how many values one of them may have in it; None for any number.

    Raises:
        ValueError: as from_json, once the values before are taken.
        TooManyValues: one has more values, likewise.

    >>> [*items_of_list('[1, {"a": [2]}]')]
    [1, {'a': [2]}]
    """
    decoder = json.JSONDecoder(
        object_pairs_hook=as_object, parse_int=as_number, parse_float=as_number
    )
    at = _behind_blanks(text, text.index("[") + 1)
    is_large = most_values is not None and num_signs(text) > most_values
    is_first = True
    while not text.startswith("]", at):
        if not is_first:
            if not text.startswith(",", at):
                raise json.JSONDecodeError("Expecting ',' delimiter", text, at)
            at = _behind_blanks(text, at + 1)
        if is_large and most_values is not None:
            refuse_many_values(text, most_values, at)
        try:
            value, at = decoder.raw_decode(text, at)
        except RecursionError:
            raise ValueError("it has too many levels") from None
        yield value
        at, is_first = _behind_blanks(text, at), False
    if (end := _behind_blanks(text, at + 1)) < len(text):
        raise json.JSONDecodeError("Extra data", text, end)


def refuse_many_values(text: str, most: int, start: int = 0) -> None:
    """Refuse a value of JSON that has more values in it, before room is taken for them.

    Args:
        text: has the value, which begins at `start`.

    Raises:
        TooManyValues: it has.

    >>> refuse_many_values('[["a,b"], 2] [3, 4, 5]', 4)
    """
    depth = num_values = 0
    for sign in SIGNS.finditer(text, start):
        kind = text[sign.start()]
        depth += (kind in "[{") - (kind in "]}")
        if depth <= 0 or sign[0] == '"':
            return
        num_values += kind in "[{,"
        if num_values > most:
            raise TooManyValues(f"it has more than {most:,} values in one")


def num_signs(text: str) -> int:
    """Return at least the number of values in a text of JSON, less one; quickly."""
    return sum(map(text.count, "[{,"))


def _behind_blanks(text: str, at: int) -> int:
    """Return the first place from one on that is no blank."""
    blanks = BLANKS.match(text, at)
    return blanks.end() if blanks else at
