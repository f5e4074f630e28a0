"""Draw a front as a PNG picture."""

from __future__ import annotations

import textwrap
from pathlib import Path

from analysis.record.sweep import Sweep
from analysis.views.front_figure import draw, own_style
from analysis.views.front_words import headline
from analysis.views.scatter import INK, scatter_of

LETTERS_PER_INCH = 11.0  # of the headline


def front_png(sweep: Sweep, path: Path, /) -> None:
    """Draw the models of a sweep into a PNG file, as `front_figure.draw` does.

    The models are those with finite goals: of each recipe, and at its other α.
    """
    figure = draw(scatter_of(sweep), max_columns=3, halo=True).figure
    with own_style():
        chars = int(LETTERS_PER_INCH * figure.get_figwidth())
        title = textwrap.fill(headline(sweep), chars)  # the name of a sweep may have no blanks
        figure.suptitle(title, x=0.01, ha="left", fontsize=11, color=INK)
        figure.savefig(path, format="png")
