"""The picture of a front as a page that works without a network."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.record.sweep import Candidate, Sweep
from analysis.views.scatter import GREY, GRID, INK, scatter_of
from analysis.views.words import headline, number

if TYPE_CHECKING:
    from analysis.views.scatter import Axis, Scatter


def front_html(sweep: Sweep, path: Path, /) -> None:
    """`front_png` as a page that works without a network; hovering tells a trial's whole recipe."""
    from plotly.graph_objects import Figure
    from plotly.subplots import make_subplots

    scatter = scatter_of(sweep)
    rows, columns = scatter.grid(2)  # MLflow shows the page beside a list of files
    height = 580 if columns == 1 else 460 * rows
    figure: Figure = make_subplots(
        rows=rows, cols=columns, vertical_spacing=140 / height, horizontal_spacing=0.18
    )
    for place, (x, y) in enumerate(scatter.panels):
        where = {"row": place // columns + 1, "col": place % columns + 1}
        for trace in _traces(sweep, scatter, x, y):
            figure.add_scatter(showlegend=False, **trace, **where)
        x_label, y_label = (label.replace("\n", "<br>") for label in scatter.labels(x, y))
        style = {"gridcolor": GRID, "zeroline": False, "linecolor": INK, "showline": True}
        figure.update_xaxes(title_text=x_label, range=x.limits, **style, **where)
        figure.update_yaxes(title_text=y_label, range=y.limits, **style, **where)

    def key(label: str, group: str, title: str | None = None, **marker: Any) -> None:
        marker = {"size": 9, "color": GREY} | marker
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=escape(label),
            marker=marker,
            legendgroup=group,
            legendgrouptitle={"text": title and f"<b>{title}</b>"},
        )

    # A click on an objective hides its trials: they are of its group.
    for name, colour in scatter.colours.items():
        key(name, name, "objective" if name == next(iter(scatter.colours)) else None, color=colour)
    for name, (_, symbol) in scatter.shapes.items():
        key(name, " regulariser", "regulariser", symbol=symbol)
    key("on the front", " kinds", " ", size=12, line={"color": INK, "width": 1.5})
    if not scatter.points["feasible"].all():
        key("outside a constraint", " kinds", " ", symbol="circle-open")
    key("base model", " kinds", " ", symbol="star", size=14, color=INK)
    figure.update_layout(
        template="plotly_white",
        height=height + 180,
        title={"text": escape(headline(sweep)), "font": {"size": 16}},
        font={"color": INK},
        legend={"tracegroupgap": 2},
        margin={"t": 80, "b": 100},
        hoverlabel={"bgcolor": "white", "align": "left"},
    )
    # Plotly 7 offers to upload the figure to its makers, unless told not to.
    config = {"displaylogo": False, "showSendToCloud": False, "plotlyServerURL": ""}
    page = figure.to_html(include_plotlyjs=True, div_id="front", config=config)
    title = f"<head><title>{escape(sweep.name)}: the front</title>"
    path.write_text(page.replace("<head>", title, 1), encoding="utf-8")


def _traces(sweep: Sweep, scatter: Scatter, x: Axis, y: Axis) -> list[dict[str, Any]]:
    traces: list[dict[str, Any]] = []
    if scatter.is_bounded:
        steps_x, steps_y = scatter.staircase(x, y)
        line = {"color": INK, "width": 1}
        traces.append(
            {"x": steps_x, "y": steps_y, "mode": "lines", "line": line, "hoverinfo": "skip"}
        )
    for objective, colour in scatter.colours.items():
        group = scatter.points[scatter.points["objective"] == objective]
        front, feasible = group["front"], group["feasible"]
        symbols = group["regulariser"].map(lambda name: scatter.shapes[name][1])
        marker = {
            "color": colour,
            "symbol": list(symbols.where(feasible, symbols + "-open")),
            "size": list(np.where(front, 14, 8)),
            "opacity": list(np.where(front, 1, 0.65)),
            "line": {"color": INK, "width": list(np.where(front, 1.5, np.where(feasible, 0, 1)))},
        }
        traces.append(
            {
                "x": list(x.drawn[group.index]),
                "y": list(y.drawn[group.index]),
                "mode": "markers",
                "marker": marker,
                "hovertext": [_told(sweep, index) for index in group.index],
                "hoverinfo": "text",
                "legendgroup": objective,
            }
        )
    numbers = scatter.numbers(x, y)
    traces.append(
        {
            "x": [at_x for at_x, _, _ in numbers],
            "y": [at_y for _, at_y, _ in numbers],
            "text": [text for _, _, text in numbers],
            "mode": "markers+text",
            "marker": {"size": 12, "opacity": 0},  # keeps the text clear of the point
            "textposition": "top right",
            "textfont": {"size": 11},
            "hoverinfo": "skip",
        }
    )
    star = {"symbol": "star", "size": 17, "color": INK, "line": {"color": "white", "width": 1}}
    told = "<br>".join(["<b>base model</b>", *_values(sweep, sweep.base)])
    traces.append(
        {
            "x": [x.base],
            "y": [y.base],
            "mode": "markers",
            "marker": star,
            "hovertext": told,
            "hoverinfo": "text",
        }
    )
    return traces


def _told(sweep: Sweep, index: Any) -> str:
    row = sweep.rows.loc[index]
    params = [
        f"{escape(name)} {escape(number(row[name]))}"
        for name in sweep.swept
        if not pd.isna(row[name])
    ]
    return "<br>".join([f"<b>trial {Candidate.of(row)}</b>", *_values(sweep, row), "", *params])


def _values(sweep: Sweep, row: Any) -> list[str]:
    return [
        f"{escape(goal.name)} {number(row[goal.name])} {escape(goal.unit)}"
        for goal in sweep.goals
        if goal.name in row
    ]
