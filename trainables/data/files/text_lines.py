"""Read files of plain text (.txt), whose lines are texts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from trainables.data.files.decoding import open_text
from trainables.data.files.row import Row


def text_lines(path: Path) -> Iterator[Row]:
    """Yield each line that is not blank as a row with the field `text`.

    Raises:
        ValueError: the file is in another encoding.
    """
    with open_text(path) as text:
        for number, line in enumerate(text, start=1):
            if line.strip():
                yield Row(f"{path}, line {number}", {"text": line.rstrip("\r\n")})
