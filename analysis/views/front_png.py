"""Draw a front as a PNG picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from analysis.record.sweep import Sweep
from analysis.views.front_words import headline
from analysis.views.scatter import GREY, GRID, INK, TRIAL, scatter_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from analysis.views.scatter import Axis, Scatter


def front_png(sweep: Sweep, path: Path, /) -> None:
    """Draw the models of a sweep into a PNG file, with a panel for each pair of goals.

    The models are those with finite goals: of each complete trial, and at its other α. Colour shows the
    objective, shape the regulariser. Members of the front have a dark rim and, if there is room, their
    number. Models outside a constraint are hollow, the star is the base model. With two goals a line
    bounds the region that the front attains. Axes are cut if a few ruined trials would squeeze the
    rest together; a label then counts those beyond.
    """
    from matplotlib.figure import Figure

    scatter = scatter_of(sweep)
    rows, columns = scatter.grid(3)
    figure = Figure(figsize=(2.6 + 4.4 * columns, 0.6 + 4.2 * rows), dpi=160, layout="constrained")
    subplots: NDArray[Any] = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, panel in zip(subplots, scatter.panels, strict=False):
        _draw_panel(axes, scatter, *panel)
    for axes in subplots[len(scatter.panels) :]:
        axes.set_axis_off()
    figure.suptitle(headline(sweep), x=0.01, ha="left", fontsize=11, color=INK)
    _draw_legend(figure, scatter)
    figure.savefig(path, format="png")


def _draw_legend(figure: Figure, scatter: Scatter) -> None:
    """Draw the legend of colours, shapes and kinds of points beside the panels."""
    from matplotlib.lines import Line2D

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


def _draw_panel(axes: Axes, scatter: Scatter, x: Axis, y: Axis) -> None:
    """Draw one panel: points, base model, bound, numbers and labels."""
    from matplotlib.patheffects import withStroke
    from matplotlib.ticker import MaxNLocator

    columns = ["objective", "regulariser", "feasible", "front"]
    for (objective, regulariser, is_feasible, is_on_front), group in scatter.points.groupby(
        columns
    ):
        colour = scatter.colours[str(objective)]
        axes.scatter(
            x.values[group.index],
            y.values[group.index],
            s=85 if is_on_front else 32,
            marker=scatter.shapes[str(regulariser)][0],
            facecolor=colour if is_feasible else "none",
            edgecolor=INK if is_on_front else colour,
            linewidth=1.2 if is_on_front or not is_feasible else 0,
            alpha=1 if is_on_front else 0.6,
            zorder=4 if is_on_front else 3,
        )
    axes.scatter(x.base, y.base, s=200, marker="*", color=INK, edgecolor="white", zorder=5)
    if scatter.has_bound:
        steps_x, steps_y = scatter.staircase(x, y)
        axes.plot(steps_x, steps_y, color=INK, linewidth=1, alpha=0.7, zorder=2)
        axes.fill([*steps_x, x.worse], [*steps_y, y.worse], color=INK, alpha=0.035, zorder=0)
    for text_x, text_y, text in scatter.numbers(x, y):
        axes.annotate(
            text,
            (text_x, text_y),
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
