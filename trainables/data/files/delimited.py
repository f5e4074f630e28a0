"""Read tables of text (.csv, .tsv), whose cells must match their headings."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TextIO

from trainables.data.files.decoding import open_text
from trainables.data.files.kinds import kind_of
from trainables.data.files.row import Row, first_repeated, names_in_words
from trainables.schema.text.shown import as_value

DELIMITERS = {".csv": ",", ".tsv": "\t"}
NAMES = {",": "a comma", "\t": "a tab", ";": "a semicolon", "|": "a bar"}
# A cell may be a whole document. A larger one is most often the rest of a table behind a loose quote.
MAX_CELL = 10_000_000  # characters
csv.field_size_limit(MAX_CELL)


class _Record(NamedTuple):
    """A row that is not blank.

    Attributes:
        cells: its cells, blanks before them dropped.
        raw: the row as it stands in the file.
        line: the line on which it begins, counted from 1.
    """

    cells: list[str]
    raw: str
    line: int


def table_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a table whose first line that is not blank has its headings.

    Cells are in quotes where they hold a delimiter, a quote (doubled) or an end of a line; blanks
    before the first quote are dropped. Blank rows are left out. A column without a heading is left
    out if it is the first, as the index that pandas writes, or blank throughout.

    Raises:
        ValueError: the file is empty or in another encoding, headings are missing, repeated or
            separated by another sign, a row has more or fewer cells than there are headings, or is
            the headings again, a quote is not closed, or a cell looks like the rest of a text that was
            cut (this may be seen only some rows later); the sentence has the row and its line.
    """
    delimiter = DELIMITERS[kind_of(path)]
    with open_text(path) as text:
        records = _records(text, delimiter, path)
        head = next(records, None)
        if head is None:
            raise ValueError(f"{path}: must have headings and rows, but is empty.")
        headings = _headings(head, delimiter, path)
        cut_texts = _CutTexts()
        for number, record in enumerate(records, start=1):
            where = f"{path}, row {number} (line {record.line})"
            _refuse_misfit(record, headings, delimiter, where)
            if delimiter == ",":  # a tab is no part of what people write
                cut_texts.refuse(record.raw, where)
            named = zip(headings, record.cells, strict=True)
            yield Row(where, {heading: cell for heading, cell in named if heading})


def _records(text: TextIO, delimiter: str, path: Path) -> Iterator[_Record]:
    """Yield the rows of a table that are not blank, its headings first.

    Raises:
        ValueError: a quote is not closed, has text behind it in its cell, or stands alone.
    """
    lines: list[str] = []  # those of the row that is being read

    def recorded() -> Iterator[str]:
        """Yield each line, and keep it."""
        for line in text:
            lines.append(line)
            yield line

    reader = csv.reader(recorded(), delimiter=delimiter, strict=True, skipinitialspace=True)
    number = -1
    while True:
        line = reader.line_num + 1
        lines.clear()
        try:
            cells = next(reader, None)
            problem = _loose_quote("".join(lines), cells or [])
        except csv.Error as error:
            cells = []
            problem = _problem_of(error)
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
            yield _Record(cells, "".join(lines), line)


def _problem_of(error: csv.Error) -> str:
    """Return what is wrong with the quotes of a row that the csv module refused."""
    if "end of data" in str(error):
        return "a quote is never closed"
    if "field limit" in str(error):
        return f"a cell goes on for more than {MAX_CELL:,} characters"
    return "text stands behind a closing quote"


def _loose_quote(raw: str, cells: list[str]) -> str:
    """Return the problem if the quotes in a cell that is not in quotes are no pairs, else "".

    A text such as `He said "no, and left"` is then cut at its comma.

    Args:
        raw: the row as it stands in the file.
    """
    for cell in cells:
        in_quotes = '"' + cell.replace('"', '""') + '"'
        if (cell.count('"') % 2 or '""' in cell) and in_quotes not in raw:
            return f"the cell {as_value(cell)} has loose ones"
    return ""


def _refuse_misfit(record: _Record, headings: list[str], delimiter: str, where: str) -> None:
    """Raise ValueError if the cells of a row do not fit the headings.

    Args:
        where: the file, the row and its line, for the error.
    """
    cells = record.cells
    remedy = f"put a text that holds {NAMES[delimiter]} into quotes"
    if len(cells) != len(headings):
        too_few = f"write {NAMES[delimiter]} for each cell that is blank, too"
        raise ValueError(
            f"{where}: must have a cell for each of the {len(headings)} headings "
            f"({names_in_words(headings)}), but the number of its cells is {len(cells)}: "
            f"{remedy if len(cells) > len(headings) else too_few}."
        )
    if len(cells) > 1 and [cell.strip() for cell in cells] == headings:
        raise ValueError(
            f"{where}: must be a row of data, but has the headings again, as where two files were "
            "joined: leave it out."
        )
    for place, (heading, cell) in enumerate(zip(headings, cells, strict=True)):
        if not heading and place and cell.strip():
            raise ValueError(
                f"{where}: must have no cell without a heading, but has {as_value(cell)} in column "
                f"{place + 1}: give the column a heading."
            )


class _CutTexts:
    """The rows of a table whose cells may be the rest of a text that was cut at a comma.

    So may a cell that begins with a blank and a small letter, if other cells of the table begin without
    a blank: `The nurse was tired, so she left.` beside `She left.,He left.` Where all have the blank,
    that is how the table is written. Rows with quotes, and headings, do not count.
    """

    def __init__(self) -> None:
        self._has_plain_cells = False
        self._first: tuple[str, str] | None = None  # where such a cell stands, and the cell

    def refuse(self, raw: str, where: str) -> None:
        """Take the next row; raise ValueError once the table has such a cell and plain ones.

        Args:
            raw: the row as it stands in the file.
            where: the file, the row and its line, for the error.
        """
        later = [] if '"' in raw else [cell for cell in raw.split(",")[1:] if cell.strip()]
        self._has_plain_cells |= any(not cell[0].isspace() for cell in later)
        for cell in later:
            if not self._first and cell[0].isspace() and cell.strip()[0].islower():
                self._first = where, cell.rstrip("\r\n")
        if self._first and self._has_plain_cells:
            first, rest = self._first
            raise ValueError(
                f"{first}: must have no text that is cut, but {as_value(rest)} looks like the rest of "
                "the cell before it: put a text that holds a comma into quotes, or take the blank out."
            )


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
            f"{as_value(headings[0])}: save the table with {NAMES[delimiter]} between cells{remedy}."
        )
    if headings[0].startswith("sep="):
        raise ValueError(
            f"{where}: must have headings, but has {headings[0]!r}: take the line out."
        )
    if twice := first_repeated(filter(None, headings)):
        raise ValueError(f"{where}: must have different headings, but has {as_value(twice)} twice.")
    return headings
