"""One function a figure: each reads a Sweep and writes one file.

Colours: Okabe and Ito 2008, Color universal design, which colour-blind readers tell apart; shapes
show the regulariser and rims the front, so that nothing rests on colour alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from itertools import combinations, cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.front import headline, number
from analysis.runs import Candidate, Sweep
from trainables.metric_names import parse

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C8C8C")
# The same shape under its name in matplotlib and in plotly.
SHAPES = (
    ("o", "circle"),
    ("s", "square"),
    ("^", "triangle-up"),
    ("D", "diamond"),
    ("v", "triangle-down"),
    ("P", "cross"),
    ("X", "x"),
)
TRIAL = "number of the trial"  # the other axis of a sweep with one goal
INK, GREY, GRID = "#222222", "#9A9A9A", "#ECECEC"


@dataclass(frozen=True)
class Axis:
    """One goal as it is drawn: its value, or its distance from the ideal where nearer is better."""

    label: str
    drawn: pd.Series  # of every drawn model, on the index of the sweep's models
    base: float
    limits: tuple[float, float]
    lower_is_better: bool

    @property
    def worse(self) -> float:
        """The limit at the bad end."""
        return self.limits[self.lower_is_better]


@dataclass(frozen=True)
class Scatter:
    """What both renderings of the front draw.

    points: the models with finite goals: name, objective, regulariser, feasible, front.
    """

    points: pd.DataFrame
    panels: list[tuple[Axis, Axis]]
    colours: dict[str, str]
    shapes: dict[str, tuple[str, str]]
    is_bounded: bool  # by a line: there are two goals

    def grid(self, most: int) -> tuple[int, int]:
        """Rows and columns of panels, at most so many in a row."""
        return -(-len(self.panels) // most), min(len(self.panels), most)

    def staircase(self, x: Axis, y: Axis) -> tuple[list[float], list[float]]:
        """The corners of the line that bounds what the front attains, from limit to limit."""
        members = self.points.index[self.points["front"]]
        order = members[np.argsort(x.drawn[members] * (1 if x.lower_is_better else -1))]
        if order.empty:
            return [], []
        return (
            [*np.repeat(x.drawn[order], 2), x.worse],
            [y.worse, *np.repeat(y.drawn[order], 2)],
        )

    def labels(self, x: Axis, y: Axis) -> tuple[str, str]:
        """Of x and of y; the first also says how many trials the cut axes leave out."""
        beyond = (~(x.drawn.between(*x.limits) & y.drawn.between(*y.limits))).sum()
        trials = "trial lies" if beyond == 1 else "trials lie"
        return x.label + (f"\n({beyond} {trials} beyond these axes)" if beyond else ""), y.label

    def numbers(self, x: Axis, y: Axis) -> list[tuple[float, float, str]]:
        """Where the numbers of the front's members go; one that would cover another is left out."""
        members = self.points[self.points["front"]]
        placed: list[tuple[float, float, str]] = []
        for _, group in members.groupby([x.drawn[members.index], y.drawn[members.index]]):
            at_x, at_y = x.drawn[group.index[0]], y.drawn[group.index[0]]
            if all(
                abs(at_x - other_x) > 0.05 * np.ptp(x.limits)
                or abs(at_y - other_y) > 0.035 * np.ptp(y.limits)
                for other_x, other_y, _ in placed
            ):
                placed.append((at_x, at_y, ", ".join(group["name"])))
        return placed


def front_png(sweep: Sweep, path: Path, /) -> None:
    """Every complete trial, and what was found at its other α, over the goals in pairs, a panel each.

    Colour is the objective, shape the regulariser. Members of the front have a dark rim and, where
    there is room, their number; trials outside a constraint are hollow; the star is the base model.
    With two goals a line bounds what the front attains. Axes are cut where a few ruined trials would
    squeeze the rest together; their label then says how many lie beyond.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    scatter = _scatter(sweep)
    rows, columns = scatter.grid(3)
    figure = Figure(figsize=(2.6 + 4.4 * columns, 0.6 + 4.2 * rows), dpi=160, layout="constrained")
    grid: NDArray[Any] = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, panel in zip(grid, scatter.panels, strict=False):
        _draw(axes, scatter, *panel)
    for axes in grid[len(scatter.panels) :]:
        axes.set_axis_off()
    figure.suptitle(headline(sweep), x=0.01, ha="left", fontsize=11, color=INK)

    def key(label: str, marker: str = "", colour: str = GREY, **style: Any) -> Line2D:
        return Line2D([], [], linestyle="none", label=label, marker=marker, color=colour, **style)

    keys = [key("objective")]
    keys += [key(name, "o", colour) for name, colour in scatter.colours.items()]
    keys += [key(""), key("regulariser")]
    keys += [key(name, shape) for name, (shape, _) in scatter.shapes.items()]
    keys += [key(""), key("on the front", "o", markeredgecolor=INK, markersize=9)]
    if not scatter.points["feasible"].all():
        keys.append(key("outside a constraint", "o", markerfacecolor="none"))
    keys.append(key("base model", "*", INK, markersize=12))
    legend = figure.legend(
        handles=keys, loc="outside right center", frameon=False, fontsize=9, labelcolor=INK
    )
    for text in legend.get_texts():
        if text.get_text() in ("objective", "regulariser"):
            text.set_fontweight("bold")
    figure.savefig(path, format="png")


def _draw(axes: Axes, scatter: Scatter, x: Axis, y: Axis) -> None:
    from matplotlib.patheffects import withStroke
    from matplotlib.ticker import MaxNLocator

    alike = ["objective", "regulariser", "feasible", "front"]
    for (objective, regulariser, feasible, front), group in scatter.points.groupby(alike):
        colour = scatter.colours[str(objective)]
        axes.scatter(
            x.drawn[group.index],
            y.drawn[group.index],
            s=85 if front else 32,
            marker=scatter.shapes[str(regulariser)][0],
            facecolor=colour if feasible else "none",
            edgecolor=INK if front else colour,
            linewidth=1.2 if front or not feasible else 0,
            alpha=1 if front else 0.6,
            zorder=4 if front else 3,
        )
    axes.scatter(x.base, y.base, s=200, marker="*", color=INK, edgecolor="white", zorder=5)
    if scatter.is_bounded:
        steps_x, steps_y = scatter.staircase(x, y)
        axes.plot(steps_x, steps_y, color=INK, linewidth=1, alpha=0.7, zorder=2)
        axes.fill([*steps_x, x.worse], [*steps_y, y.worse], color=INK, alpha=0.035, zorder=0)
    for at_x, at_y, text in scatter.numbers(x, y):
        axes.annotate(
            text,
            (at_x, at_y),
            xytext=(6, 5),
            textcoords="offset points",
            fontsize=7.5,
            color=INK,
            path_effects=[withStroke(linewidth=2, foreground="white")],
            zorder=6,
        )
    x_label, y_label = scatter.labels(x, y)
    axes.set(xlim=x.limits, ylim=y.limits, xlabel=x_label, ylabel=y_label)
    axes.ticklabel_format(useOffset=False)
    if x.label == TRIAL:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def front_html(sweep: Sweep, path: Path, /) -> None:
    """`front_png` as a page that works without a network; hovering tells a trial's whole recipe."""
    from plotly.graph_objects import Figure
    from plotly.subplots import make_subplots

    scatter = _scatter(sweep)
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
    row = sweep.models.loc[index]
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


def _scatter(sweep: Sweep) -> Scatter:
    goals = [goal.name for goal in sweep.goals]
    drawn = sweep.measured()
    points = pd.DataFrame(
        {
            "name": [str(Candidate.of(row)) for row in drawn.to_dict("records")],
            "objective": _words(drawn, "objective.name"),
            "regulariser": _words(drawn, "regulariser.name"),
            "feasible": drawn.index.isin(sweep.candidates().index),
            "front": drawn.index.isin(sweep.front().index),
        }
    )
    axes = [_axis(sweep, name, drawn, points["front"]) for name in goals]
    if len(axes) == 1:
        axes.insert(0, _axis(sweep, "trial", drawn, points["front"]))
    return Scatter(
        points=points,
        panels=list(combinations(axes, 2)),
        colours=dict(zip(sorted(points["objective"].unique()), cycle(COLOURS), strict=False)),
        shapes=dict(zip(sorted(points["regulariser"].unique()), cycle(SHAPES), strict=False)),
        is_bounded=len(goals) == 2,
    )


def _words(drawn: pd.DataFrame, column: str) -> pd.Series:
    # A sweep over other things than this draws all its trials alike.
    if column not in drawn:
        return pd.Series("all", index=drawn.index)
    return drawn[column].fillna("none").astype(str)


def _axis(sweep: Sweep, column: str, drawn: pd.DataFrame, front: pd.Series) -> Axis:
    if column == "trial":
        label, values, base, lower = TRIAL, drawn[column], float("nan"), True
    else:
        goal = sweep.metrics[column]
        _, dataset, quantity = parse(column)
        words = f"{dataset} {quantity}".replace("_", " ")
        values, base = drawn[column], sweep.base.get(column, float("nan"))
        lower = goal.better != "higher"
        if goal.better == "nearer":
            words = f"distance of {words} from {number(goal.ideal)}"
            values, base = values.map(goal.cost), goal.cost(base)
        better = "← lower is better" if lower else "higher is better →"
        label = f"{words} ({goal.unit})\n{better}"
    values = values.astype(float)
    return Axis(label, values, base, _limits(values, front, base), lower)


def _limits(values: pd.Series, front: pd.Series, base: float) -> tuple[float, float]:
    """All points, but no farther from the front and the base model than these lie apart."""
    everything = pd.Series([*values, base]).dropna()
    near = pd.Series([*values[front], base]).dropna()
    if everything.empty:
        return 0.0, 1.0
    near = everything if near.empty else near
    reach = np.ptp(near) or np.ptp(everything) or 1.0
    low = max(everything.min(), near.min() - reach)
    high = min(everything.max(), near.max() + reach)
    margin = 0.08 * (high - low or 1.0)
    return low - margin, high + margin
