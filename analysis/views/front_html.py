"""Draw a front as an interactive page that works without a network."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.record.sweep import Candidate, Sweep
from analysis.views.front_words import headline, number
from analysis.views.scatter import GREY, GRID, INK, scatter_of

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from analysis.views.scatter import Axis, Scatter

Trace = dict[str, Any]  # arguments of plotly's Figure.add_scatter


def front_html(sweep: Sweep, path: Path, /) -> None:
    """Draw the picture of `front_png` as an HTML page that holds all it needs.

    Hovering over a point shows its goals and its whole recipe.
    """
    from plotly.subplots import make_subplots

    scatter = scatter_of(sweep)
    rows, columns = scatter.grid(2)  # MLflow shows the page beside a list of files
    height = 580 if columns == 1 else 460 * rows
    figure: Figure = make_subplots(
        rows=rows, cols=columns, vertical_spacing=140 / height, horizontal_spacing=0.18
    )
    for panel, (x, y) in enumerate(scatter.panels):
        place = {"row": panel // columns + 1, "col": panel % columns + 1}
        for trace in _panel_traces(sweep, scatter, x, y):
            figure.add_scatter(showlegend=False, **trace, **place)
        x_label, y_label = (label.replace("\n", "<br>") for label in scatter.labels(x, y))
        style = {"gridcolor": GRID, "zeroline": False, "linecolor": INK, "showline": True}
        figure.update_xaxes(title_text=x_label, range=x.limits, **style, **place)
        figure.update_yaxes(title_text=y_label, range=y.limits, **style, **place)
    _add_legend(figure, scatter)
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


def _add_legend(figure: Figure, scatter: Scatter) -> None:
    """Add the legend of colours, shapes and kinds of points.

    The entry of an objective is of the same group as its points, so a click on it hides them.
    """

    def add_key(label: str, group: str, title: str | None = None, **marker: Any) -> None:
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=escape(label),
            marker={"size": 9, "color": GREY} | marker,
            legendgroup=group,
            legendgrouptitle={"text": title and f"<b>{title}</b>"},
        )

    for name, colour in scatter.colours.items():
        is_first = name == next(iter(scatter.colours))
        add_key(name, name, "objective" if is_first else None, color=colour)
    for name, (_, symbol) in scatter.shapes.items():
        add_key(name, " regulariser", "regulariser", symbol=symbol)
    add_key("on the front", " kinds", " ", size=12, line={"color": INK, "width": 1.5})
    if not scatter.points["feasible"].all():
        add_key("outside a constraint", " kinds", " ", symbol="circle-open")
    add_key("base model", " kinds", " ", symbol="star", size=14, color=INK)


def _panel_traces(sweep: Sweep, scatter: Scatter, x: Axis, y: Axis) -> list[Trace]:
    """Return the traces of one panel, the lowest layer first: bound, points, numbers, base model."""
    traces: list[Trace] = []
    if scatter.has_bound:
        steps_x, steps_y = scatter.staircase(x, y)
        line = {"color": INK, "width": 1}
        traces.append(
            {"x": steps_x, "y": steps_y, "mode": "lines", "line": line, "hoverinfo": "skip"}
        )
    for objective in scatter.colours:
        traces.append(_points(sweep, scatter, objective, x, y))
    return [*traces, _numbers(scatter, x, y), _base(sweep, x, y)]


def _points(sweep: Sweep, scatter: Scatter, objective: str, x: Axis, y: Axis) -> Trace:
    """Return the trace with a point for each model that was trained with this objective."""
    group = scatter.points[scatter.points["objective"] == objective]
    is_on_front, is_feasible = group["front"], group["feasible"]
    symbols = group["regulariser"].map(lambda name: scatter.shapes[name][1])
    widths = np.where(is_on_front, 1.5, np.where(is_feasible, 0, 1))
    return {
        "x": list(x.values[group.index]),
        "y": list(y.values[group.index]),
        "mode": "markers",
        "marker": {
            "color": scatter.colours[objective],
            "symbol": list(symbols.where(is_feasible, symbols + "-open")),
            "size": list(np.where(is_on_front, 14, 8)),
            "opacity": list(np.where(is_on_front, 1, 0.65)),
            "line": {"color": INK, "width": list(widths)},
        },
        "hovertext": [_hover_text(sweep, sweep.candidates().loc[index]) for index in group.index],
        "hoverinfo": "text",
        "legendgroup": objective,
    }


def _numbers(scatter: Scatter, x: Axis, y: Axis) -> Trace:
    """Return the trace with the numbers beside members of the front."""
    numbers = scatter.numbers(x, y)
    return {
        "x": [text_x for text_x, _, _ in numbers],
        "y": [text_y for _, text_y, _ in numbers],
        "text": [text for _, _, text in numbers],
        "mode": "markers+text",
        "marker": {"size": 12, "opacity": 0},  # keeps the text clear of the point
        "textposition": "top right",
        "textfont": {"size": 11},
        "hoverinfo": "skip",
    }


def _base(sweep: Sweep, x: Axis, y: Axis) -> Trace:
    """Return the trace that shows the base model as a star."""
    return {
        "x": [x.base],
        "y": [y.base],
        "mode": "markers",
        "marker": {
            "symbol": "star",
            "size": 17,
            "color": INK,
            "line": {"color": "white", "width": 1},
        },
        "hovertext": "<br>".join(["<b>base model</b>", *_goal_lines(sweep, sweep.base)]),
        "hoverinfo": "text",
    }


def _hover_text(sweep: Sweep, row: pd.Series) -> str:
    """Return the number, the goals and the recipe of a model as lines of HTML."""
    params = [
        f"{escape(name)} {escape(number(row[name]))}"
        for name in sweep.swept
        if not pd.isna(row[name])
    ]
    heading = f"<b>trial {Candidate.of(row.to_dict())}</b>"
    return "<br>".join([heading, *_goal_lines(sweep, row.to_dict()), "", *params])


def _goal_lines(sweep: Sweep, values: Mapping[Any, Any]) -> list[str]:
    """Return a line of HTML for each goal that has a value, given values by metric name."""
    return [
        f"{escape(goal.name)} {number(values[goal.name])} {escape(goal.unit)}"
        for goal in sweep.goals
        if goal.name in values
    ]
