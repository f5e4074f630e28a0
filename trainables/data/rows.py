"""Rows of files of every kind: those of published sets, and those of a user's own file."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from trainables.assets.errors import AssetError
from trainables.assets.safe_files import refuse_outside, refuse_pointer
from trainables.data.files.bounded import MAX_DATA, MAX_ROWS
from trainables.data.files.delimited import table_rows
from trainables.data.files.json_objects import json_lines, json_list
from trainables.data.files.kinds import ROWS, TEXTS, in_words, kind_of
from trainables.data.files.parquet import parquet_rows
from trainables.data.files.row import HALF_CHARACTER, Row, names_in_words
from trainables.data.files.text_lines import text_lines
from trainables.schema.text.shown import as_value, as_word

READERS: dict[str, Callable[[Path], Iterator[Row]]] = {
    ".csv": table_rows,
    ".tsv": table_rows,
    ".jsonl": json_lines,
    ".json": json_list,
    ".parquet": parquet_rows,
    ".txt": text_lines,
}


def read_rows(path: Path, *fields: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a published file as dictionaries that have all these fields.

    Raises:
        ValueError: the path is a folder, the file cannot be read as its name ends, or a row lacks a
            field; the message has the line or row.
    """
    if not path.is_file():
        raise ValueError(f"{path}: must be {in_words(ROWS)}, but is a folder.")
    for where, row in _rows(path):
        yield checked_row(row, fields, where)


def user_file(name: str) -> Path:
    """Return the path of a user's file; a relative one starts from the folder that the trial runs in.

    Raises:
        AssetError: there is no such file, it is larger than MAX_DATA, or this machine forbids its use.
    """
    path, shown = refuse_outside(Path(os.path.expanduser(name))), as_word(name)
    if not path.is_file():
        if path.exists():
            kind = "a folder" if path.is_dir() else "none"
            raise AssetError(f"{shown} must be a file of data, but is {kind}: give another path.")
        raise AssetError(f"there is no file {shown}, looked for from {Path.cwd()}: give its path.")
    # Its digest would be taken first, of all its bytes.
    if (num_bytes := path.stat().st_size) > MAX_DATA:
        raise AssetError(
            f"{shown} must have at most {MAX_DATA:,} bytes, but has {num_bytes:,}: take a part of it."
        )
    return path


def user_rows(name: str, fields: re.Pattern[str] | None = None) -> Iterator[Row]:
    """Yield the rows of a user's file; each line of a .txt that is not blank has the field `text`.

    Args:
        fields: the names of those that are used, as a pattern, so that no memory is spent on others;
            None for all.

    Raises:
        AssetError: there is no such file.
        ValueError: the file has no row, or cannot be read as its name ends; the message has the line
            or row.
    """
    path = user_file(name)
    refuse_pointer(path, path)
    row = None
    for row in _rows(path, fields):
        yield row
    if row is None:
        raise ValueError(f"{path}: must have rows of data, but has none.")


def checked_row(row: Any, fields: tuple[str, ...], where: str) -> dict[str, Any]:
    """Return a row as a dictionary, if it is a mapping that has all these fields.

    Args:
        where: the file and the place in it, for the error.

    Raises:
        ValueError: it is no mapping, a field is missing or None, or a text has half of a surrogate
            pair.
    """
    if not isinstance(row, Mapping):
        raise ValueError(
            f"{where}: must have the fields {', '.join(fields)}, but is {as_value(row)}."
        )
    if missing := [field for field in fields if row.get(field) is None]:
        raise ValueError(
            f"{where}: must have the fields {', '.join(fields)}, but lacks {', '.join(missing)}; "
            f"it has {names_in_words(row)}."
        )
    for field in fields:
        if isinstance(row[field], str) and HALF_CHARACTER.search(row[field]):
            raise ValueError(
                f"{where}: must have whole characters in the field {field!r}, but has half of a "
                f"surrogate pair in {as_value(row[field])}."
            )
    return dict(row)


def _rows(path: Path, fields: re.Pattern[str] | None = None) -> Iterator[Row]:
    """Yield the rows of a file, with the fields of these names at least.

    Raises:
        ValueError: its name does not say what it is, or it has more than MAX_ROWS rows.
    """
    if not (kind := kind_of(path)):
        raise ValueError(f"{path}: must be {in_words(TEXTS)}.")
    rows = parquet_rows(path, fields) if kind == ".parquet" else READERS[kind](path)
    for number, row in enumerate(rows, start=1):
        if number > MAX_ROWS:
            raise ValueError(
                f"{path}: must have at most {MAX_ROWS:,} rows, but has more: take a part of it."
            )
        yield row
