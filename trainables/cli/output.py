"""The lines that the verbs print, and the two ways in which a verb fails."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from trainables.cli.verbs import FAILED, WRONG

if TYPE_CHECKING:
    from trainables.metrics.metric import Metric


def line(metric: Metric, value: float, se: float | None, num_items: int = 0) -> str:
    """Return a metric's name, value, standard error, unit and number of items as one line.

    The error is left out where it is unknown, and is `?` if there are items but too few for one.
    """
    error = f"± {se:.4f}" if se is not None else "± ?" if num_items else ""
    items = f"n={num_items}" if num_items else ""
    return f"{metric.name:<40} {value:>10.4f} {error:<9} {metric.unit:<10} {items}".rstrip()


def refuse_file(option: str, file: Path | None) -> None:
    """Exit with 2 if an option names a file that cannot be made, as its folder does not exist."""
    if file is not None and (file.is_dir() or not file.absolute().parent.is_dir()):
        refuse(f"{option} must be a file in a folder that exists, but got {file}.")


def refuse(message: str) -> NoReturn:
    """Print a message to the standard error and exit with 2: what was given cannot be used."""
    print(message, file=sys.stderr)
    raise SystemExit(WRONG)


def fail(message: str) -> NoReturn:
    """Print a message to the standard error and exit with 1: the work failed."""
    print(message, file=sys.stderr)
    raise SystemExit(FAILED)
