"""Files of rows, whoever wrote them: each has the fields that are needed, or a sentence says so."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trainables.assets.errors import AssetError


def records(path: Path, *fields: str) -> Iterator[dict[str, Any]]:
    """The rows of a .csv, .tsv or .jsonl file, each of which has these fields.

    Raises:
        ValueError: a line is no JSON object, or a row lacks a field; which, and where.
    """
    if not path.is_file():
        raise ValueError(f"{path}: must be a file of rows (.csv, .tsv, .jsonl), but is a folder.")
    try:
        with _in_utf8(path):
            yield from _records(path, fields)
    except csv.Error as error:
        raise ValueError(f"{path}: must be a table, but {error}: is a quote not closed?") from error


def file_of(name: str) -> Path:
    """The user's file of this name, looked for where the trial runs."""
    path = Path(name).expanduser()
    if not path.is_file():
        raise AssetError(f"there is no file {name}, looked for from {Path.cwd()}: give its path.")
    return path


def rows_of(name: str) -> Iterator[dict[str, Any]]:
    """The rows of a user's file; of a .txt each line is one, with the field text."""
    path = file_of(name)
    if path.suffix != ".txt":
        yield from records(path)
        return
    with _in_utf8(path), path.open(encoding="utf-8-sig") as file:
        yield from ({"text": line.strip()} for line in file if line.strip())


def text_of(row: Mapping[str, Any], field: str, name: str, number: int) -> str:
    """The text in this field of a user's row."""
    if not isinstance(row.get(field), str):
        raise ValueError(
            f"{name}, row {number}: must have text in the field {field!r}, but got {str(row)[:80]}."
        )
    return str(row[field])


@contextmanager
def _in_utf8(path: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: must be UTF-8, but {error}: save it as UTF-8.") from error


def _records(path: Path, fields: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    # utf-8-sig: spreadsheets put a byte-order mark before the first heading.
    with path.open(encoding="utf-8-sig", newline="") as file:
        if path.suffix in (".csv", ".tsv"):
            rows = csv.DictReader(file, delimiter="," if path.suffix == ".csv" else "\t")
            for number, row in enumerate(rows, start=1):
                yield checked(row, fields, f"{path}, row {number}")
            return
        for number, line in enumerate(file, start=1):
            if line.strip():
                where = f"{path}, line {number}"
                yield checked(_object(line, where), fields, where)


def checked(row: Any, fields: tuple[str, ...], where: str) -> dict[str, Any]:
    """The row, if it is a mapping that has these fields."""
    if not isinstance(row, Mapping):
        raise ValueError(f"{where}: must have the fields {', '.join(fields)}, but is {row!r:.80}.")
    if missing := [field for field in fields if row.get(field) is None]:
        raise ValueError(
            f"{where}: must have the fields {', '.join(fields)}, but lacks {', '.join(missing)}; "
            f"it has {', '.join(map(str, row)) or 'none'}."
        )
    return dict(row)


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise ValueError(f"{where}: must be JSON, but {error}.") from error
    if not isinstance(found, dict):
        raise ValueError(f"{where}: must be a JSON object, but got {line.strip()[:80]}.")
    return found
