"""Draw a front as an interactive page that works without a network and is small."""

from __future__ import annotations

import io
import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.record.candidate import BASE as BASE_NAME
from analysis.record.candidate import Candidate
from analysis.record.sweep import Sweep
from analysis.stats.ties import Ties, ties
from analysis.views.front_figure import BASE, draw, own_style
from analysis.views.front_words import base_remark, headline, label, marks, number, shown_error
from analysis.views.scatter import scatter_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE = Path(__file__).with_name("front_page.html")


def front_html(sweep: Sweep, path: Path, /) -> None:
    """Draw the picture of `front_png` as an HTML page that holds all it needs.

    Pointing at a point shows its goals and its whole recipe, and a click keeps them on screen. A click
    on an objective in the legend hides its points. The picture is an SVG; the page has no library.
    """
    scatter = scatter_of(sweep)
    drawing = draw(scatter, max_columns=2, halo=False)  # MLflow shows it beside a list of files
    svg, styles = _svg(drawing.figure)
    rows = sweep.candidates().loc[scatter.points.index]
    tied = ties(sweep, rows)
    lines = {
        str(index): _lines(sweep, row, tied[str(Candidate.of(row))])
        for index, row in zip(rows.index, rows.to_dict("records"), strict=True)
    }
    ties_of_base = _ties(tied[BASE_NAME]) if BASE_NAME in tied else []
    about_base = [*filter(None, [base_remark(sweep)]), *ties_of_base]
    lines[str(BASE)] = ["base model", *_goal_lines(sweep, sweep.base), *about_base]
    shown = {
        "lines": lines,
        "points": {gid: vars(marks) for gid, marks in drawing.points.items()},
        "legend": drawing.legend,
    }
    page = Template(PAGE.read_text(encoding="utf-8")).substitute(
        title=escape(f"{sweep.name}: the front"),
        headline=escape(headline(sweep)),
        styles=styles,
        svg=svg,
        # A "</script>" in a name would end the data.
        shown=json.dumps(shown, ensure_ascii=False).replace("<", "\\u003c"),
    )
    path.write_text(page, encoding="utf-8")


def _svg(figure: Figure) -> tuple[str, str]:
    """Return a figure as an SVG element, and the style sheet for it.

    Matplotlib writes the style of each point out; the style sheet has each of them once.
    """
    file = io.StringIO()
    with own_style():
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :]  # without the XML declaration
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    counts = Counter(re.findall(r' style="([^"]*)"', svg))
    names = {style: f"s{n}" for n, (style, num) in enumerate(counts.items()) if num > 1}

    def with_class(found: re.Match[str]) -> str:
        name = names.get(found[1])
        return f' class="{name}"' if name else found[0]

    svg = re.sub(r' style="([^"]*)"', with_class, svg)
    return svg, "\n".join(f".{name} {{{style}}}" for style, name in names.items())


def _lines(sweep: Sweep, row: Mapping[Any, Any], tied: Ties) -> list[str]:
    """Return the number, the goals, the marks and the recipe of a candidate as lines of text.

    tied: the members of the front that it is not told apart from.
    """
    params = [
        f"{name} {number(row[name])}"
        for name in sweep.swept
        if not pd.isna(row.get(name, math.nan))
    ]
    several = row["replicates"] > 1
    seeds = f"mean of {row['replicates']} seeds: trials {', '.join(map(str, row['trials']))}"
    about = [", ".join(marks(row)), *_ties(tied), seeds if several else ""]
    head = f"trial {label(row)}"
    return [head, *_goal_lines(sweep, row), *filter(None, about), "", *params]


def _ties(found: Ties) -> list[str]:
    """Return the members that a candidate is not told apart from, in a line for each kind."""
    sentences = (
        (found.tied, "within noise of {} in every goal"),
        (found.maybe, "perhaps within noise of {}: an error is not known"),
    )
    return [words.format(", ".join(names)) for names, words in sentences if names]


def _goal_lines(sweep: Sweep, values: Mapping[Any, Any]) -> list[str]:
    """Return a line for each goal that has a value, given values by metric name."""
    return [
        " ".join(
            filter(
                None,
                [
                    goal.name,
                    number(values[goal.name]),
                    shown_error(values, goal.name, ".2g"),
                    goal.unit,
                ],
            )
        )
        for goal in sweep.goals
        if goal.name in values
    ]
