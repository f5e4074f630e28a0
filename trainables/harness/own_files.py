"""The files of rows that lie beside the YAML of a task, and what is wrong with them."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trainables.data.files.kinds import ROWS, kind_of
from trainables.data.files.row import sound_text
from trainables.data.rows import user_rows
from trainables.harness.index import Leaf
from trainables.schema.text.shown import MAX_NAME, as_word

# The names of `datasets` for what reads files that lie here.
READERS = ("arrow", "csv", "json", "parquet", "text")


def beside_yaml(leaf: Leaf) -> dict[str, Any]:
    """Return the dataset_kwargs of a task with absolute paths of the files that lie beside its YAML.

    The harness takes relative paths from the folder in which the command was started; so they are
    still meant where there is no such file beside the YAML.
    """
    settings = dict(leaf.config.get("dataset_kwargs") or {})

    def resolved(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: resolved(part) for key, part in value.items()}
        if isinstance(value, list):
            return [resolved(part) for part in value]
        file = leaf.path.parent / str(value)
        return str(file) if file.exists() else value

    for key in {"data_files", "data_dir"} & settings.keys():
        settings[key] = resolved(settings[key])
    return {"dataset_kwargs": settings} if settings else {}


def fault_of_file(leaf: Leaf, error: BaseException) -> str:
    """Return what is wrong with a task's own files, as a clause with the place; "" if nothing.

    A file may be missing, have no rows, or a row that cannot be read. The library that reads them does
    not say in which file, or says nothing at all.

    error: why the task has no data. Nothing is looked for if the files were read.
    """
    from datasets.exceptions import DatasetGenerationError

    if name := _missing_file(leaf):
        name = as_word(name, MAX_NAME)
        return f"{name} must be there, in {Path.cwd()} or beside the YAML, but is not"
    is_of_rows = isinstance(error, DatasetGenerationError | StopIteration)
    if not is_of_rows and "corresponds to no data" not in str(error):
        return ""
    for file in _own_files(beside_yaml(leaf)):
        try:
            for row in user_rows(file):
                for field, value in row.fields.items():
                    for text in strings_in(value):
                        sound_text(text, row.where, f"the field {field!r}")
        except ValueError as fault:
            return str(fault).rstrip(".")
    return ""


def _missing_file(leaf: Leaf) -> str:
    """Return the first name among the data_files of a task at which nothing is; "" if there is none.

    Addresses are not looked at, nor are names of files of a data set on the Hub.
    """
    if leaf.config.get("dataset_path") not in READERS:
        return ""
    settings = beside_yaml(leaf).get("dataset_kwargs", {})
    for name in strings_in(settings.get("data_files")):
        path = Path(str(settings.get("data_dir") or ""), name)
        if "://" not in name and not (path.exists() or glob.glob(str(path), recursive=True)):
            return name
    return ""


def _own_files(value: Any) -> Iterator[str]:
    """Yield the files of rows among the settings of a task, however deep."""
    if isinstance(value, dict):
        for part in value.values():
            yield from _own_files(part)
    elif isinstance(value, list):
        for part in value:
            yield from _own_files(part)
    elif kind_of(str(value)) in ROWS and Path(str(value)).is_file():
        yield str(value)


def strings_in(value: Any) -> Iterator[str]:
    """Yield every text in the fields of an item, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from strings_in(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from strings_in(part)
