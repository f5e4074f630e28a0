"""Read files of rows (.csv, .tsv, .jsonl, .txt) and check that each row has the fields it needs."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trainables.assets.errors import AssetError


def read_rows(path: Path, *fields: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a .csv, .tsv or .jsonl file as dictionaries that have all these fields.

    Raises:
        ValueError: the path is a folder, the file is not UTF-8 or has a quote that is never closed,
            a line is no JSON object, or a row lacks a field; the message has the line or row.
    """
    if not path.is_file():
        raise ValueError(f"{path}: must be a file of rows (.csv, .tsv, .jsonl), but is a folder.")
    try:
        with _utf8_errors_explained(path):
            yield from _checked_rows(path, fields)
    except csv.Error as error:
        raise ValueError(f"{path}: must be a table, but {error}: is a quote not closed?") from error


def user_file(name: str) -> Path:
    """Return the path of a user's file; a relative one starts from the folder that the trial runs in.

    Raises:
        AssetError: there is no such file.
    """
    path = Path(name).expanduser()
    if not path.is_file():
        raise AssetError(f"there is no file {name}, looked for from {Path.cwd()}: give its path.")
    return path


def read_user_rows(name: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a user's file; each line of a .txt that is not blank is {"text": line}.

    Raises:
        AssetError: there is no such file.
        ValueError: as read_rows.
    """
    path = user_file(name)
    if path.suffix != ".txt":
        yield from read_rows(path)
        return
    with _utf8_errors_explained(path), path.open(encoding="utf-8-sig") as file:
        yield from ({"text": line.strip()} for line in file if line.strip())


def text_field(row: Mapping[str, Any], field: str, name: str, number: int) -> str:
    """Return the text in one field of a user's row.

    Args:
        name: the file, for the error.
        number: the row in it, counted from 1, for the error.

    Raises:
        ValueError: the field is missing or holds no text.
    """
    if not isinstance(row.get(field), str):
        raise ValueError(
            f"{name}, row {number}: must have text in the field {field!r}, but got {str(row)[:80]}."
        )
    return str(row[field])


def checked_row(row: Any, fields: tuple[str, ...], where: str) -> dict[str, Any]:
    """Return a row as a dictionary, if it is a mapping that has all these fields.

    Args:
        where: the file and the place in it, for the error.

    Raises:
        ValueError: it is no mapping, or a field is missing or None.
    """
    if not isinstance(row, Mapping):
        raise ValueError(f"{where}: must have the fields {', '.join(fields)}, but is {row!r:.80}.")
    if missing := [field for field in fields if row.get(field) is None]:
        raise ValueError(
            f"{where}: must have the fields {', '.join(fields)}, but lacks {', '.join(missing)}; "
            f"it has {', '.join(map(str, row)) or 'none'}."
        )
    return dict(row)


@contextmanager
def _utf8_errors_explained(path: Path) -> Iterator[None]:
    """Turn a UnicodeDecodeError inside of the context into a ValueError that names the file."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: must be UTF-8, but {error}: save it as UTF-8.") from error


def _checked_rows(path: Path, fields: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table or of a file of JSON lines, each checked for its fields."""
    # utf-8-sig: spreadsheets put a byte-order mark before the first heading.
    with path.open(encoding="utf-8-sig", newline="") as file:
        if path.suffix in (".csv", ".tsv"):
            rows = csv.DictReader(file, delimiter="," if path.suffix == ".csv" else "\t")
            for number, row in enumerate(rows, start=1):
                yield checked_row(row, fields, f"{path}, row {number}")
            return
        for number, line in enumerate(file, start=1):
            if line.strip():
                where = f"{path}, line {number}"
                yield checked_row(_json_object(line, where), fields, where)


def _json_object(line: str, where: str) -> dict[str, Any]:
    """Return the JSON object on a line.

    Raises:
        ValueError: the line is no JSON, or something else than an object.
    """
    try:
        value = json.loads(line)
    except ValueError as error:
        raise ValueError(f"{where}: must be JSON, but {error}.") from error
    if not isinstance(value, dict):
        raise ValueError(f"{where}: must be a JSON object, but got {line.strip()[:80]}.")
    return value
