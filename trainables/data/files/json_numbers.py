"""Numbers of JSON as Python has them; one that is too large is shown as it was written."""

from __future__ import annotations

import math
from typing import Self

from trainables.data.files.row import LONGEST
from trainables.schema.text.printable import shortened


class _Infinite(float):
    """A number that is too large for Python, which a sentence shows as it was written."""

    written: str

    def __new__(cls, written: str) -> Self:
        """Take what is written in the file."""
        number = super().__new__(cls, written)
        number.written = shortened(written, LONGEST)
        return number

    def __repr__(self) -> str:
        """Return what is written in the file, in short."""
        return self.written


def as_number(written: str) -> int | float:
    """Return a number of JSON; an infinite one where it is too long or too large for Python."""
    try:
        return int(written)
    except ValueError:
        number = float(written)
        return _Infinite(written) if math.isinf(number) else number
