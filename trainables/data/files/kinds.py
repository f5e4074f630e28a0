"""The kinds of files of rows, told apart by the ends of their names."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

ROWS = (".csv", ".tsv", ".jsonl", ".json", ".parquet")
TEXTS = (*ROWS, ".txt")
PACKED = ".gz"


def kind_of(name: str | Path) -> str:
    """Return the end of a file's name that says how it is read, in lower case; "" if it is unknown.

    >>> kind_of("data/Pairs.CSV"), kind_of("texts.txt.gz"), kind_of("notes.md")
    ('.csv', '.txt', '')
    """
    kind = Path(str(name).lower().removesuffix(PACKED)).suffix
    return kind if kind in TEXTS else ""


def is_packed(name: str | Path) -> bool:
    """Return whether a file's name ends in .gz, so that it is unpacked while it is read."""
    return str(name).lower().endswith(PACKED)


def in_words(kinds: tuple[str, ...]) -> str:
    """Return which files have one of these kinds, for a sentence.

    >>> in_words((".csv", ".tsv", ".txt"))
    'a file whose name ends in .csv, .tsv or .txt (or in one of these and .gz)'
    """
    *others, last = kinds
    ends = f"{', '.join(others)} or {last}"
    return f"a file whose name ends in {ends} (or in one of these and {PACKED})"


def files_named(name: str, kinds: tuple[str, ...]) -> list[str]:
    """Return the files that a name means if its end was left out: those of these kinds that exist."""
    ends = [f"{kind}{packed}" for kind in kinds for packed in ("", PACKED)]
    return [f"{name}{end}" for end in ends if name and os.path.isfile(f"{name}{end}")]


def dataset_label(name: str) -> str:
    """Return the part of a metric's name that stands for a data set: its name, or that of the file.

    Signs that MLflow refuses in the name of a metric become `_`.

    >>> dataset_label("glue/sst2"), dataset_label("data/my moods.csv.gz")
    ('glue_sst2', 'my moods')
    """
    if kind_of(name):
        file = Path(name).name
        name = Path(file[: -len(PACKED)] if is_packed(file) else file).stem
    return re.sub(r"[^\w .:-]|^\.+$", "_", unicodedata.normalize("NFC", name))
