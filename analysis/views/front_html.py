"""Draw a front as an interactive page that works without a network and is small."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from analysis.record.sweep import Candidate, Sweep
from analysis.views.front_figure import BASE, STYLE, draw
from analysis.views.front_words import headline, number
from analysis.views.scatter import scatter_of

if TYPE_CHECKING:
    import pandas as pd
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
    lines = {str(index): _lines(sweep, sweep.rows.loc[index]) for index in scatter.points.index}
    lines[str(BASE)] = ["base model", *_goal_lines(sweep, sweep.base)]
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
    from matplotlib import rc_context

    file = io.StringIO()
    with rc_context(STYLE):
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


def _lines(sweep: Sweep, row: pd.Series) -> list[str]:
    """Return the number, the goals and the recipe of a model as lines of text."""
    import pandas as pd

    params = [f"{name} {number(row[name])}" for name in sweep.swept if not pd.isna(row[name])]
    return [f"trial {Candidate.of(row.to_dict())}", *_goal_lines(sweep, row.to_dict()), "", *params]


def _goal_lines(sweep: Sweep, values: Mapping[Any, Any]) -> list[str]:
    """Return a line for each goal that has a value, given values by metric name."""
    return [
        f"{goal.name} {number(values[goal.name])} {goal.unit}"
        for goal in sweep.goals
        if goal.name in values
    ]
