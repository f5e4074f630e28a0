"""The lines that the verbs print, and the two ways in which a verb fails."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from trainables.cli.streams import encodable, say
from trainables.cli.verbs import FAILED, WRONG
from trainables.metrics.interval import as_number, half_width, num_decimals, plus_minus
from trainables.schema.text.masking import masked
from trainables.schema.text.printable import MAX_LINE, in_one_line
from trainables.schema.text.shown import as_word

if TYPE_CHECKING:
    from trainables.metrics.metric import Metric


WIDTH = 80  # columns
# Of a number: papers have two; what would be 0 with the most is shown with an exponent.
MIN_DECIMALS, MAX_DECIMALS = 2, 4
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,20}:/")  # its begin, as a path has it


def line(metric: Metric, value: float, se: float | None, df: float, num_items: int = 0) -> str:
    """Return a metric's name, value, ± half the 95 % interval, unit and number of items as one line.

    Two digits of half the interval are shown, or three of a value without one, in two to four decimals.
    If that is more than WIDTH columns, the name has a line of its own, so that no terminal breaks it.

    se, df: the standard error and its degrees of freedom, as `plus_minus` takes them.
    """
    half = half_width(se, df)
    places = num_decimals([half]) - 1 if half else num_decimals([value])
    places = max(MIN_DECIMALS, min(MAX_DECIMALS, places))
    form = f".{places}f"
    error = f"{encodable(plus_minus(se, df, form)):<{len(encodable('± 0.0000 '))}}"
    unit = encodable(metric.unit)
    items = f"n={num_items}" if num_items else ""
    numbers = f"{as_number(value, form):>10} {error} {unit:<10} {items}".rstrip()
    name = encodable(metric.name)
    whole = f"{name:<40} {numbers}"
    return whole if len(whole) <= WIDTH else f"{name}\n{'':<40} {numbers}"


def wrapped(text: str, indent: str = "") -> str:
    """Return a text in lines of WIDTH columns, in characters that the standard output can show.

    Lines end at blanks alone, so that a name or a path can be copied. Control characters are escaped.

    indent: what stands before the second line and those after it.
    """
    return textwrap.fill(
        encodable(as_word(text, MAX_LINE)),
        WIDTH,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def refuse_address(option: str, path: Path | None) -> None:
    """Exit with 2 if an option names an address, as of a bucket, where a path of this machine must be.

    Else a folder with the name of its scheme would be made.
    """
    if path is not None and ADDRESS.match(str(path)):
        refuse(f"{option} must be a path on this machine, but got the address {masked(str(path))}.")


def refuse_file(option: str, file: Path | None) -> None:
    """Exit with 2 if an option names a file that cannot be made, as its folder does not exist."""
    refuse_address(option, file)
    if file is not None and (file.is_dir() or not file.absolute().parent.is_dir()):
        refuse(f"{option} must be a file in a folder that exists, but got {file}.")


def refuse(*sentences: str) -> NoReturn:
    """Print sentences to the standard error, a line each, and exit with 2: what was given is wrong."""
    say("\n".join(map(in_one_line, sentences)))
    raise SystemExit(WRONG)


def fail(sentence: str) -> NoReturn:
    """Print a sentence to the standard error and exit with 1: the work failed."""
    say(in_one_line(sentence))
    raise SystemExit(FAILED)
