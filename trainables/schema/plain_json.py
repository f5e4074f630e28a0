"""JSON that others write, to plain values: whatever is wrong with it is a ValueError."""

import json
import sys
from collections.abc import Callable
from typing import Any


def from_json(
    text: str | bytes,
    *,
    as_object: Callable[[list[tuple[str, Any]]], Any] | None = None,
    as_number: Callable[[str], Any] | None = None,
    as_constant: Callable[[str], Any] | None = None,
) -> Any:
    """Return the value that a text of JSON stands for.

    Args:
        as_object, as_number, as_constant: make the value of an object of these keys and values,
            written as this, and of NaN, Infinity or -Infinity; None for the values of Python.

    Raises:
        ValueError: it is no JSON (a json.JSONDecodeError, which has the place), is nested too deeply
            for Python, has a number of too many digits, or one of the functions refuses it.
    """
    try:
        return json.loads(
            text,
            object_pairs_hook=as_object,
            parse_int=as_number,
            parse_float=as_number,
            parse_constant=as_constant,
        )
    except RecursionError:
        raise ValueError("it has too many levels") from None
    except ValueError as error:
        if "set_int_max_str_digits" in str(error):  # by which Python advises its programmers
            most = sys.get_int_max_str_digits()
            raise ValueError(f"it has a number of more than {most} digits") from None
        raise


def is_finite_number(value: object) -> bool:
    """Return whether a value of JSON is a number, neither NaN nor larger than a float can be.

    >>> [is_finite_number(value) for value in (0.5, 10**400, float("nan"), True, "1")]
    [True, False, False, False, False]
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and abs(value) <= sys.float_info.max  # type: ignore[arg-type]
