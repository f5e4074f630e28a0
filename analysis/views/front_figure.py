"""Draw a front as a figure of matplotlib, which front.png and front.html show."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd
from numpy.typing import NDArray

from analysis.views.front_words import MAYBE_TIED, TIED, TIMES
from analysis.views.scatter import GREY, GRID, INK, TRIAL, UNKNOWN_ERROR

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from analysis.views.scatter import Axis, Scatter

# Of matplotlib's settings: names of metrics and sweeps may hold a $, which would begin a formula.
STYLE = {"text.parse_math": False, "svg.fonttype": "none", "svg.hashsalt": "front"}
DOTTED = (0, (1.0, 1.0))  # matplotlib's dashes: length and gap, in line widths
KEY_CHARS, KEY_INCHES = 32, 0.19  # of an entry of the legend: letters at most, height
LINE_POINTS = 9.5  # height of a line of the texts beside points
MAX_TICKS = 5  # between the numbers of the horizontal axis
SIDES = ("below", "above")  # of an error bar
BASE = -1  # in place of the index of a row, for the base model


@dataclass(frozen=True)
class Marks:
    """Points that are drawn alike, in the order in which they are drawn.

    objective: by which the legend hides them; empty for the base model.
    rows: for each point, its index in `Scatter.points`; BASE for the base model.
    """

    objective: str
    rows: list[int]


@dataclass(frozen=True)
class Drawing:
    """A figure, and what its parts show. A part is named by its gid, which is its id in an SVG file.

    points: the points of each part.
    legend: objective -> the parts of its entry in the legend.
    """

    figure: Figure
    points: dict[str, Marks] = field(default_factory=dict)
    legend: dict[str, list[str]] = field(default_factory=dict)


@contextmanager
def own_style() -> Iterator[None]:
    """Draw within the block as matplotlib does by default, whatever its user has set elsewhere."""
    # Jupyter names a backend there that may not be installed here, at which the import would fail.
    backend = None if "matplotlib" in sys.modules else os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    if backend is not None:  # for plots of the user's own, which say what is wrong with it
        with suppress(ValueError):
            matplotlib.rcParams["backend"] = backend
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


def draw(scatter: Scatter, max_columns: int, *, halo: bool) -> Drawing:
    """Draw a scatter plot with a panel for each pair of goals, and a legend beside them.

    Colour shows the objective, shape the regulariser. Members of the front have a dark rim, dotted if
    they are not told apart from the base model, their 95 % intervals as error bars (±? where one is
    not known) and, if there is room, their number, the number of their replicates, and a member that
    they are tied with. Models outside a constraint are hollow, the star is the base model. With two
    goals a line bounds the region that the front attains. Axes are cut if a few ruined trials would
    squeeze the rest together; a label then counts those beyond.

    Args:
        max_columns: panels beside each other.
        halo: whether numbers have a white rim, for which matplotlib draws their letters as curves.
    """
    rows, columns = scatter.grid(max_columns)
    with own_style():
        from matplotlib.figure import Figure

        keys = _keys(scatter)
        size = (2.6 + 4.4 * columns, max(0.6 + 4.2 * rows, 0.6 + KEY_INCHES * len(keys)))
        drawing = Drawing(Figure(figsize=size, dpi=160, layout="constrained"))
        subplots: NDArray[Any] = drawing.figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, panel in zip(subplots, scatter.panels, strict=False):
            _draw_panel(drawing, axes, scatter, *panel, halo=halo)
        for axes in subplots[len(scatter.panels) :]:
            axes.set_axis_off()
        _draw_legend(drawing, scatter, keys)
    return drawing


def _draw_panel(
    drawing: Drawing, axes: Axes, scatter: Scatter, x: Axis, y: Axis, *, halo: bool
) -> None:
    """Draw one panel, a function a layer; `zorder` says which lies on which."""
    from matplotlib.ticker import MaxNLocator

    if scatter.has_bound:
        _draw_bound(axes, scatter, x, y)
    _draw_bars(axes, scatter, x, y)
    _draw_points(drawing, axes, scatter, x, y)
    _draw_base(drawing, axes, x, y)
    _draw_numbers(axes, scatter, x, y, halo=halo)
    x_label, y_label = scatter.labels(x, y)
    axes.set(xlim=x.limits, ylim=y.limits, xlabel=x_label, ylabel=y_label)
    axes.ticklabel_format(useOffset=False)
    # Few enough that small numbers, which are long, do not touch.
    is_whole = x.label == TRIAL
    axes.xaxis.set_major_locator(MaxNLocator(MAX_TICKS, steps=[1, 2, 2.5, 5, 10], integer=is_whole))
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_bound(axes: Axes, scatter: Scatter, x: Axis, y: Axis) -> None:
    """Draw the line that bounds the region that the front attains, and tint the region."""
    steps_x, steps_y = scatter.staircase(x, y)
    axes.plot(steps_x, steps_y, color=INK, linewidth=1, alpha=0.7, zorder=2)
    axes.fill([*steps_x, x.worse], [*steps_y, y.worse], color=INK, alpha=0.035, zorder=0)


def _draw_bars(axes: Axes, scatter: Scatter, x: Axis, y: Axis) -> None:
    """Draw the error bars of the front and of the base model, where their errors are known."""
    members = scatter.points.index[scatter.points["front"]]
    xs, ys = ([*axis.values[members], axis.base] for axis in (x, y))
    x_bars, y_bars = (  # NaN draws nothing
        [[*axis.bars.loc[members, side], getattr(axis.base_bar, side)] for side in SIDES]
        for axis in (x, y)
    )
    axes.errorbar(
        xs,
        ys,
        xerr=x_bars,
        yerr=y_bars,
        fmt="none",
        ecolor=INK,
        elinewidth=0.8,
        capsize=2.5,
        alpha=0.45,
        zorder=2.5,
    )


def _draw_points(drawing: Drawing, axes: Axes, scatter: Scatter, x: Axis, y: Axis) -> None:
    """Draw a point for each model that lies within the axes."""
    is_inside = x.values.between(*x.limits) & y.values.between(*y.limits)
    is_dotted = scatter.points["front"] & scatter.points["near_base"]
    columns = ["objective", "regulariser", "feasible", "front", "is_dotted"]
    for alike, group in scatter.points.assign(is_dotted=is_dotted)[is_inside].groupby(columns):
        objective, regulariser, is_feasible, is_on_front, is_near_base = alike
        colour = scatter.colours[str(objective)]
        axes.scatter(
            x.values[group.index],
            y.values[group.index],
            s=85 if is_on_front else 32,
            marker=scatter.shapes[str(regulariser)],
            facecolor=colour if is_feasible else "none",
            edgecolor=INK if is_on_front else colour,
            linewidth=1.2 if is_on_front or not is_feasible else 0,
            linestyle=DOTTED if is_near_base else "solid",
            alpha=1 if is_on_front else 0.6,
            zorder=4 if is_on_front else 3,
            gid=_note(drawing, Marks(str(objective), [int(index) for index in group.index])),
        )


def _draw_base(drawing: Drawing, axes: Axes, x: Axis, y: Axis) -> None:
    """Draw the base model as a star, if it has a place on both axes."""
    if not pd.isna([x.base, y.base]).any():
        gid = _note(drawing, Marks("", [BASE]))
        axes.scatter(
            x.base, y.base, s=200, marker="*", color=INK, edgecolor="white", zorder=5, gid=gid
        )


def _draw_numbers(axes: Axes, scatter: Scatter, x: Axis, y: Axis, *, halo: bool) -> None:
    """Write the numbers of members of the front beside their points."""
    from matplotlib.patheffects import withStroke

    for number, text in enumerate(scatter.numbers(x, y)):
        axes.annotate(
            text.words,
            (text.x, text.y),
            xytext=(6, 5 + LINE_POINTS * text.line),
            textcoords="offset points",
            fontsize=7.5,
            color=INK,
            path_effects=[withStroke(linewidth=2, foreground="white")] if halo else None,
            zorder=6,
            gid=f"number-{number}",
        )


def _note(drawing: Drawing, marks: Marks) -> str:
    """Note what a new part of a figure shows, and return the gid for it."""
    gid = f"points-{len(drawing.points)}"
    drawing.points[gid] = marks
    return gid


def _keys(scatter: Scatter) -> list[Line2D]:
    """Return the entries of the legend: colours, shapes and kinds of points, with headings."""
    from matplotlib.lines import Line2D

    def key(label: str, marker: str = "", colour: str = GREY, **style: Any) -> Line2D:
        name = label if len(label) <= KEY_CHARS else f"{label[: KEY_CHARS - 1]}…"
        return Line2D([], [], linestyle="none", label=name, marker=marker, color=colour, **style)

    keys = [key("objective")]
    keys += [key(name, "o", colour) for name, colour in scatter.colours.items()]
    keys += [key(""), key("regulariser")]
    keys += [key(name, shape) for name, shape in scatter.shapes.items()]
    keys += [key(""), key("on the front", "o", markeredgecolor=INK, markersize=9)]
    members = scatter.points[scatter.points["front"]]
    axes = [axis for panel in scatter.panels for axis in panel]
    if members["near_base"].any():
        keys.append(key("dotted rim: like the base"))
    if members["tied"].map(len).any():
        keys.append(key(f"{TIED}: tied with that one"))
    if members["maybe_tied"].map(len).any():
        keys.append(key(f"{MAYBE_TIED}: perhaps, error unknown"))
    if any(TIMES in label for label in members["label"]):
        keys.append(key(f"{TIMES}n: mean of n seeds"))
    bars = pd.concat([axis.bars.loc[members.index] for axis in axes])
    base_bars = pd.DataFrame([axis.base_bar for axis in axes])
    if pd.concat([bars, base_bars])["above"].notna().any():
        keys.append(key("95 % interval", "|", INK, markersize=11, alpha=0.45))
    if bars["unknown"].any():
        keys.append(key(f"{UNKNOWN_ERROR}: error unknown"))
    if not scatter.points["feasible"].all():
        keys.append(key("outside a constraint", "o", markerfacecolor="none"))
    name = f"base model {UNKNOWN_ERROR}" if base_bars["unknown"].any() else "base model"
    keys.append(key(name, "*", INK, markersize=12))
    return keys


def _draw_legend(drawing: Drawing, scatter: Scatter, keys: list[Line2D]) -> None:
    """Draw the legend beside the panels."""
    legend = drawing.figure.legend(
        handles=keys, loc="outside right center", frameon=False, fontsize=9, labelcolor=INK
    )
    texts = legend.get_texts()
    for number, objective in enumerate(scatter.colours, 1):  # after the heading
        parts = {f"key-{number}": legend.legend_handles[number], f"label-{number}": texts[number]}
        for gid, part in parts.items():
            if part is not None:
                part.set_gid(gid)
        drawing.legend[objective] = [*parts]
    for text in texts:
        if text.get_text() in ("objective", "regulariser"):
            text.set_fontweight("bold")
