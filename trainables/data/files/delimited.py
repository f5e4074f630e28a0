"""Read tables of text (.csv, .tsv), whose cells must match their headings."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TextIO

from trainables.data.files.decoding import open_text
from trainables.data.files.kinds import kind_of
from trainables.data.files.row import Row, names_in_words, shown

DELIMITERS = {".csv": ",", ".tsv": "\t"}
NAMES = {",": "a comma", "\t": "a tab", ";": "a semicolon", "|": "a bar"}
# A cell may be a whole document; the csv module takes no larger number on every platform.
csv.field_size_limit(2**31 - 1)


class _Record(NamedTuple):
    """The cells of a row that is not blank, and the line on which it begins, counted from 1."""

    cells: list[str]
    line: int


def table_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a table whose first line that is not blank has its headings.

    Cells are in quotes where they hold a delimiter, a quote (doubled) or an end of a line; blanks
    before the first quote are dropped. Blank rows are left out. A column without a heading is left
    out if it is the first, as the index that pandas writes, or blank throughout.

    Raises:
        ValueError: the file is empty or in another encoding, headings are missing, repeated or
            separated by another sign, a row has more or fewer cells than there are headings, or a
            quote is not closed; the sentence has the row and its line.
    """
    delimiter = DELIMITERS[kind_of(path)]
    with open_text(path) as text:
        records = _records(text, delimiter, path)
        head = next(records, None)
        if head is None:
            raise ValueError(f"{path}: must have headings and rows, but is empty.")
        headings = _headings(head, delimiter, path)
        for number, (cells, line) in enumerate(records, start=1):
            where = f"{path}, row {number} (line {line})"
            if len(cells) != len(headings):
                raise ValueError(
                    f"{where}: must have a cell for each of the {len(headings)} headings "
                    f"({names_in_words(headings)}), but has {len(cells)} cells: put a text that holds "
                    f"{NAMES[delimiter]} into quotes."
                )
            for place, (heading, cell) in enumerate(zip(headings, cells, strict=True)):
                if not heading and place and cell.strip():
                    raise ValueError(
                        f"{where}: must have no cell without a heading, but has {shown(cell)} in "
                        f"column {place + 1}: give the column a heading."
                    )
            named = zip(headings, cells, strict=True)
            yield Row(where, {heading: cell for heading, cell in named if heading})


def _records(text: TextIO, delimiter: str, path: Path) -> Iterator[_Record]:
    """Yield the rows of a table that are not blank, its headings first.

    Raises:
        ValueError: a quote is not closed, or has text behind it in its cell.
    """
    raw: list[str] = []  # the lines of the row that is being read

    def recorded() -> Iterator[str]:
        """Yield each line, and keep it."""
        for line in text:
            raw.append(line)
            yield line

    reader = csv.reader(recorded(), delimiter=delimiter, strict=True, skipinitialspace=True)
    line, number = 1, -1
    while True:
        try:
            cells = next(reader, None)
            problem = _loose_quote("".join(raw), cells or [])
        except csv.Error as error:
            cells = []
            is_open = "end of data" in str(error)
            problem = "a quote is never closed" if is_open else "text stands behind a closing quote"
        if problem:
            where = f"row {number + 1} (line {line})" if number >= 0 else f"line {line}"
            raise ValueError(
                f"{path}, {where}: must have its quotes in pairs, but {problem}: put the whole text "
                'into quotes, and write each quote in it twice, as in "He said ""no"", and left".'
            )
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            number += 1
            yield _Record(cells, line)
        raw.clear()
        line = reader.line_num + 1


def _loose_quote(raw: str, cells: list[str]) -> str:
    """Return the problem if a cell that is not in quotes has an odd number of them, else "".

    A text such as `He said "no, and left"` is then cut at its comma.

    Args:
        raw: the row as it stands in the file.
    """
    for cell in cells:
        in_quotes = '"' + cell.replace('"', '""') + '"'
        if cell.count('"') % 2 and in_quotes not in raw:
            return f"the cell {shown(cell)} has an odd number of them"
    return ""


def _headings(head: _Record, delimiter: str, path: Path) -> list[str]:
    """Return the headings of a table without the blanks around them.

    Raises:
        ValueError: two are the same, or another sign stands between them.
    """
    headings = [cell.strip() for cell in head.cells]
    where = f"{path}, line {head.line}"
    other = next((sign for sign in NAMES if len(headings) == 1 and sign in headings[0]), None)
    if other:
        remedy = ", or let its name end in .tsv" if other == "\t" else ""
        remedy = ", or let its name end in .csv" if other == "," else remedy
        raise ValueError(
            f"{where}: must have {NAMES[delimiter]} between headings, but has {NAMES[other]} in "
            f"{shown(headings[0])}: save the table with {NAMES[delimiter]} between cells{remedy}."
        )
    if headings[0].startswith("sep="):
        raise ValueError(
            f"{where}: must have headings, but has {headings[0]!r}: take the line out."
        )
    if twice := next((name for name in headings if name and headings.count(name) > 1), None):
        raise ValueError(f"{where}: must have different headings, but has {shown(twice)} twice.")
    return headings
