"""Fold long lines at blanks, and names and paths at / and _, instead of within a word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.measure import Measurement
from rich.text import Text

SEPARATORS = (" ", "/", "_", "-", ".")  # after which a line may end, the best place first


def fold(line: str, width: int, separators: Sequence[str] = SEPARATORS) -> list[str]:
    """Return a line as lines of at most `width` columns, which make the line again when joined.

    Blanks at the end of a line do not count. What no separator can break is broken anywhere.

    >>> fold("goal forgetting/general/kl_rise", 19)
    ['goal ', 'forgetting/general/', 'kl_rise']
    """
    if cell_len(line.rstrip()) <= width:
        return [line]
    if not separators:
        return [line[start : start + width] for start in range(0, len(line), width)]
    separator, *others = separators
    lines = [""]
    for piece in _pieces(line, separator):
        if cell_len((lines[-1] + piece).rstrip()) <= width:
            lines[-1] += piece
        else:
            lines += fold(piece, width, others)
    return list(filter(None, lines))


def _pieces(line: str, separators: str) -> list[str]:
    """Return the parts of a line, each but the last with the separators that end it."""
    ends = re.escape(separators)
    return re.findall(f"[^{ends}]*[{ends}]+|[^{ends}]+", line)


def _longest_part(line: str) -> int:
    """Return the columns of the longest part of a line that is not to be broken."""
    return max((cell_len(part.rstrip()) for part in _pieces(line, " /_")), default=0)


class Folded:
    """Text in a cell of a table of rich, which is folded to the width of its column."""

    def __init__(self, markup: str, indent: int = 0) -> None:
        """Keep the text until the width of its column is known.

        Args:
            markup: a text in rich's markup.
            indent: blanks before each line that goes on with the one above, if there is room.
        """
        self._markup, self._indent = markup, indent

    def _text(self, console: Console) -> Text:
        """Return the text with its styles, in characters that the console can show."""
        return console.render_str(self._markup, markup=True, emoji=False, highlight=False)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Yield the lines, each as a text that keeps its styles."""
        justify = options.justify
        for line in self._text(console).split("\n", allow_blank=True):
            first, *_ = fold(line.plain, options.max_width)
            rest = line.plain[len(first) :]
            width = options.max_width - self._indent
            indent = self._indent if width >= _longest_part(rest) else 0
            parts = [first, *(fold(rest, options.max_width - indent) if rest else ())]
            ends = [*accumulate(map(len, parts))][:-1]
            for number, folded in enumerate(line.divide(ends)):
                folded.rstrip()
                folded.pad_left(indent if number else 0)
                folded.justify = justify
                folded.no_wrap = True
                yield folded

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Return the widths of the longest part that is not to be broken, and of the longest line."""
        lines = self._text(console).plain.split("\n")
        shortest = max(map(_longest_part, lines), default=0)
        return Measurement(shortest, max(map(cell_len, lines), default=0)).with_maximum(
            options.max_width
        )
