"""Read objects of JSON: one a line (.jsonl), or a list of them (.json)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trainables.data.files.decoding import open_text
from trainables.data.files.json_items import (
    TooManyValues,
    items_of_list,
    num_signs,
    refuse_many_values,
)
from trainables.data.files.json_numbers import as_number
from trainables.data.files.row import LONGEST, Row, first_repeated, names_in_words
from trainables.schema.plain_json import from_json
from trainables.schema.text.shown import as_value

NO_BLANK = re.compile(r"\S")
MAX_VALUES = 500_000  # of an object, however deep


def json_lines(path: Path) -> Iterator[Row]:
    """Yield the object on each line that is not blank.

    Raises:
        ValueError: the file is in another encoding, a line is no JSON, is no object, or has a key
            twice; the sentence has the line.
    """
    with open_text(path) as text:
        for number, line in enumerate(text, start=1):
            if line.strip():
                where = f"{path}, line {number}"
                yield Row(where, _as_object(_parsed(line.rstrip(), where), where))


def json_list(path: Path) -> Iterator[Row]:
    """Yield each object of a file that holds a list of objects.

    Raises:
        ValueError: the file is in another encoding, is no JSON, or is no list of objects, an
            object has a key twice, or the file is too large to be read as a whole.
    """
    with open_text(path, is_whole=True) as text:
        contents = text.read()
    # Not stripped: that would be a second text of this size.
    beginning = NO_BLANK.search(contents)
    if beginning is None:
        raise ValueError(f"{path}: must be a list of objects, [{{…}}, …], but is empty.")
    if beginning[0] != "[":
        value = _parsed(contents, str(path))
        is_object = isinstance(value, dict)
        kind = f"an object with the keys {names_in_words(value)}" if is_object else as_value(value)
        raise ValueError(f"{path}: must be a list of objects, [{{…}}, …], but is {kind}.")
    for number, value in enumerate(_items(contents, str(path)), start=1):
        where = f"{path}, object {number}"
        yield Row(where, _as_object(value, where))


def _parsed(text: str, where: str) -> Any:
    """Return the value that a text of JSON stands for.

    Raises:
        ValueError: it is no JSON, is nested too deeply, or an object in it has a key twice.
    """
    with _refused(text, where):
        if num_signs(text) > MAX_VALUES:
            refuse_many_values(text, MAX_VALUES)
        return from_json(text, as_object=_with_keys_once, as_number=as_number)


def _items(text: str, where: str) -> Iterator[Any]:
    """Yield the values in a list of JSON.

    Raises:
        ValueError: as _parsed.
    """
    with _refused(text, where):
        yield from items_of_list(
            text,
            as_object=_with_keys_once,
            as_number=as_number,
            most_values=MAX_VALUES,
        )


@contextmanager
def _refused(text: str, where: str) -> Iterator[None]:
    """Turn an error of reading JSON within the block into a sentence with its place."""
    try:
        yield
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if "\n" in text else ""
        remedy = ""
        if error.msg == "Extra data" and line:
            remedy = ": if it has one object a line, let its name end in .jsonl"
        elif len(text) < LONGEST and text.strip() in "[{":
            remedy = ": if one value goes over several lines, let the name end in .json"
        raise ValueError(
            f"{where}: must be JSON, but at {line}column {error.colno}: {error.msg}{remedy}."
        ) from error
    except TooManyValues as error:
        raise ValueError(
            f"{where}: must have at most {MAX_VALUES:,} values in an object or a list, but has more in "
            "one: write many small objects, as a list ([{…}, …]) or one a line (.jsonl)."
        ) from error
    except ValueError as error:
        raise ValueError(f"{where}: must be JSON, but {error}.") from error


def _with_keys_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object that has these keys and values.

    Raises:
        ValueError: a key comes twice, and JSON does not say which of them counts.
    """
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError(f"has the key {as_value(first_repeated(key for key, _ in pairs))} twice")
    return value


def _as_object(value: Any, where: str) -> dict[str, Any]:
    """Return a value, if it is an object of JSON.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(value, dict):
        raise ValueError(f"{where}: must be a JSON object, but got {as_value(value)}.")
    return value
