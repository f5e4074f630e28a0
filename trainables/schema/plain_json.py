"""JSON that others write, to plain values: whatever is wrong with it is a ValueError."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

BLANKS = re.compile(r"[ \t\n\r]*")


def from_json(
    text: str | bytes,
    *,
    as_object: Callable[[list[tuple[str, Any]]], Any] | None = None,
    as_whole_number: Callable[[str], Any] | None = None,
    as_constant: Callable[[str], Any] | None = None,
) -> Any:
    """Return the value that a text of JSON stands for.

    Args:
        as_object, as_whole_number, as_constant: make the value of an object of these keys and values,
            of these digits, and of NaN, Infinity or -Infinity; None for the values of Python.

    Raises:
        ValueError: it is no JSON (a json.JSONDecodeError, which has the place), is nested too deeply
            for Python, or one of the functions refuses it.
    """
    try:
        return json.loads(
            text,
            object_pairs_hook=as_object,
            parse_int=as_whole_number,
            parse_constant=as_constant,
        )
    except RecursionError:
        raise ValueError("it has too many levels") from None


def items_of_list(
    text: str,
    *,
    as_object: Callable[[list[tuple[str, Any]]], Any] | None = None,
    as_whole_number: Callable[[str], Any] | None = None,
) -> Iterator[Any]:
    """Yield the values in a list of JSON, one at a time: they may take far more room than their text.

    Args:
        text: has a list, after blanks.
        as_object, as_whole_number: as of from_json.

    Raises:
        ValueError: as from_json, once the values before are taken.

    >>> [*items_of_list('[1, {"a": [2]}]')]
    [1, {'a': [2]}]
    """
    decoder = json.JSONDecoder(object_pairs_hook=as_object, parse_int=as_whole_number)
    at = _behind_blanks(text, text.index("[") + 1)
    is_first = True
    while not text.startswith("]", at):
        if not is_first:
            if not text.startswith(",", at):
                raise json.JSONDecodeError("Expecting ',' delimiter", text, at)
            at = _behind_blanks(text, at + 1)
        try:
            value, at = decoder.raw_decode(text, at)
        except RecursionError:
            raise ValueError("it has too many levels") from None
        yield value
        at, is_first = _behind_blanks(text, at), False
    if (end := _behind_blanks(text, at + 1)) < len(text):
        raise json.JSONDecodeError("Extra data", text, end)


def _behind_blanks(text: str, at: int) -> int:
    """Return the first place from one on that is no blank."""
    blanks = BLANKS.match(text, at)
    return blanks.end() if blanks else at


def is_finite_number(value: object) -> bool:
    """Return whether a value of JSON is a number, neither NaN nor larger than a float can be.

    >>> [is_finite_number(value) for value in (0.5, 10**400, float("nan"), True, "1")]
    [True, False, False, False, False]
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and abs(value) <= sys.float_info.max  # type: ignore[arg-type]
