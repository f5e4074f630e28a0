"""Read objects of JSON: one a line (.jsonl), or a list of them (.json)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trainables.data.files.decoding import open_text
from trainables.data.files.row import Row, first_repeated, names_in_words
from trainables.schema.plain_json import from_json, items_of_list
from trainables.schema.text.shown import as_value


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
    if not contents.strip():
        raise ValueError(f"{path}: must be a list of objects, [{{…}}, …], but is empty.")
    contents = contents.rstrip()
    if not contents.lstrip().startswith("["):
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
        return from_json(text, as_object=_with_keys_once, as_whole_number=_whole_number)


def _items(text: str, where: str) -> Iterator[Any]:
    """Yield the values in a list of JSON.

    Raises:
        ValueError: as _parsed.
    """
    with _refused(text, where):
        yield from items_of_list(text, as_object=_with_keys_once, as_whole_number=_whole_number)


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
        elif text.strip() in "[{":
            remedy = ": if one value goes over several lines, let the name end in .json"
        raise ValueError(
            f"{where}: must be JSON, but at {line}column {error.colno}: {error.msg}{remedy}."
        ) from error
    except ValueError as error:
        raise ValueError(f"{where}: must be JSON, but {error}.") from error


def _whole_number(digits: str) -> int | float:
    """Return a whole number; an infinite one where it is too long for Python to read."""
    try:
        return int(digits)
    except ValueError:
        return float(digits)


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
