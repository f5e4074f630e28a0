"""The contents of a scatter plot of the front: points, axes, colours and shapes.

front_figure.py draws them. The colours are those of Okabe and Ito 2008 (Color universal
design), which colour-blind readers tell apart. Shapes show the regulariser and rims the front, so
that nothing rests on colour alone.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations, cycle
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.record.names import TrialState
from analysis.record.sweep import BASE, Sweep
from analysis.record.table import error_of
from analysis.stats.ties import ties
from analysis.views.front_words import label, number
from trainables.metrics.interval import half_width
from trainables.metrics.names import parse

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C8C8C")
SHAPES = ("o", "s", "^", "D", "v", "P", "X")  # as matplotlib names them
TRIAL = "number of the trial"  # label of the horizontal axis if there is one goal
INK, GREY, GRID = "#222222", "#9A9A9A", "#ECECEC"
# Of the texts beside points, as shares of a panel's width and height:
LETTER_WIDTH, LINE_HEIGHT = 0.019, 0.042
LABEL_CHARS, LABEL_LINES = 40, 3  # of an axis, so that it is not longer than the axis
MAX_NAMES = 2  # of members at one place
MAX_LINES = 4  # above a point, where other texts are in the way


@dataclass(frozen=True)
class Axis:
    """An axis of the plot: the value of a goal, or its distance from the ideal if nearer is better.

    label:  the name of the goal, its unit and its direction.
    values: the value of each point, on the index of `Sweep.candidates`.
    bars:   half the 95 % interval of each point, or NaN if it is exact or not known.
    base:   the value of the base model; NaN if it is not known.
    base_bar: half its 95 % interval, as in `bars`.
    limits: the lower and the upper end of the axis.
    """

    label: str
    values: pd.Series
    bars: pd.Series
    base: float
    base_bar: float
    limits: tuple[float, float]
    lower_is_better: bool

    def has_bars(self, members: pd.Index) -> bool:
        """Return whether the error of one of these points, or of the base model, is known."""
        return bool(self.bars[members].notna().any()) or not math.isnan(self.base_bar)

    @property
    def worse(self) -> float:
        """The limit at the bad end: the upper one if lower is better, else the lower one."""
        return self.limits[self.lower_is_better]


class PointText(NamedTuple):
    """A text beside a point.

    x, y: the point.
    words: the text.
    line: how many lines above its usual place it stands.
    """

    x: float
    y: float
    words: str
    line: int


@dataclass(frozen=True)
class Scatter:
    """The contents of a plot with a panel for each pair of goals.

    points:     a row for each complete recipe, on the index of `Sweep.candidates`; columns: name,
                objective, regulariser, feasible (within the constraints), front (whether on it), ties
                (the members that it is tied with, as words) and ties_base (whether the base is one).
    base_is_member: whether the base model is on the front.
    panels:     the axes (x, y) of each panel.
    colours:    objective -> colour.
    shapes:     regulariser -> its shape.
    has_bound:  whether a line bounds the region that the front attains: if there are two goals.
    """

    points: pd.DataFrame
    base_is_member: bool
    panels: list[tuple[Axis, Axis]]
    colours: dict[str, str]
    shapes: dict[str, str]
    has_bound: bool

    def grid(self, max_columns: int) -> tuple[int, int]:
        """Return the numbers of rows and of columns in which the panels are laid out."""
        return -(-len(self.panels) // max_columns), min(len(self.panels), max_columns)

    def staircase(self, x: Axis, y: Axis) -> tuple[list[float], list[float]]:
        """Return the corners, as xs and ys, of the line that bounds the region the front attains.

        It goes from one limit of the axes to the other; without members it has no corners.
        """
        members = self.points.index[self.points["front"]]
        base = [(x.base, y.base)] if self.base_is_member else []
        corners = [*zip(x.values[members], y.values[members], strict=True), *base]
        if not corners:
            return [], []
        corners.sort(key=lambda corner: corner[0], reverse=not x.lower_is_better)
        xs, ys = zip(*corners, strict=True)
        return [*np.repeat(xs, 2), x.worse], [y.worse, *np.repeat(ys, 2)]

    def labels(self, x: Axis, y: Axis) -> tuple[str, str]:
        """Return the labels of x and y; that of x also counts the points beyond the limits."""
        num_beyond = (~(x.values.between(*x.limits) & y.values.between(*y.limits))).sum()
        trials = "trial lies" if num_beyond == 1 else "trials lie"
        note = f"\n({num_beyond} {trials} beyond these axes)" if num_beyond else ""
        return x.label + note, y.label

    def numbers(self, x: Axis, y: Axis) -> list[PointText]:
        """Return the numbers that are written beside members of the front, from left to right.

        Members at the same place share one text, which names the first MAX_NAMES of them. A text that
        would cover another one is written on the next line above that is free, and left out after
        MAX_LINES. A member that is tied with others names the first of them after ≈.
        """
        members = self.points[self.points["front"]]
        texts: list[PointText] = []
        for _, group in members.groupby([x.values[members.index], y.values[members.index]]):
            place = x.values[group.index[0]], y.values[group.index[0]]
            words = ", ".join(_text(group, n) for n in range(len(group))[:MAX_NAMES])
            words += " …" if len(group) > MAX_NAMES else ""
            for line in range(MAX_LINES):
                text = PointText(*place, words, line)
                if not any(_overlap(text, other, x, y) for other in texts):
                    texts.append(text)
                    break
        return texts


def _overlap(text: PointText, other: PointText, x: Axis, y: Axis) -> bool:
    """Return whether two texts would cover one another, by an estimate of their sizes."""
    left, right = sorted((text, other), key=lambda each: each.x)
    across = (right.x - left.x) / np.ptp(x.limits)
    up = (right.y - left.y) / np.ptp(y.limits) + (right.line - left.line) * LINE_HEIGHT
    return bool(across < LETTER_WIDTH * (len(left.words) + 1) and abs(up) < 0.9 * LINE_HEIGHT)


def _text(group: pd.DataFrame, position: int) -> str:
    """Return the text beside one of the members at one place: its name, and one that it is tied with.

    group: the rows of these members in Scatter.points.
    """
    name, names = group["name"].iloc[position], group["ties"].iloc[position].split()
    elsewhere = [other for other in names if other not in {n.split()[0] for n in group["name"]}]
    if not elsewhere:
        return str(name)
    return f"{name} ≈ {elsewhere[0]}{' …' if len(elsewhere) > 1 else ''}"


def scatter_of(sweep: Sweep) -> Scatter:
    """Return the scatter plot of a sweep.

    With one goal there is one panel, of the goal against the number of the trial.
    """
    goals = [goal.name for goal in sweep.goals]
    every = sweep.candidates()
    rows = every[every["state"] == TrialState.COMPLETE]
    tied_with = [*ties(sweep, rows).values()][-len(rows) :] if len(rows) else []
    points = pd.DataFrame(
        {
            "name": [label(row) for row in rows.to_dict("records")],
            "objective": _plugin_names(rows, "objective.name"),
            "regulariser": _plugin_names(rows, "regulariser.name"),
            "feasible": rows["feasible"],
            "front": rows["front"],
            "ties": [" ".join(name for name in names if name != BASE) for names in tied_with],
            "ties_base": [BASE in names for names in tied_with],
        },
        index=rows.index,
    )
    axes = [_goal_axis(sweep, name, rows, points["front"]) for name in goals]
    if len(axes) == 1:
        axes.insert(0, _trial_axis(rows, points["front"]))
    return Scatter(
        points=points,
        base_is_member=sweep.base_standing == "on the front",
        panels=list(combinations(axes, 2)),
        colours=dict(zip(sorted(points["objective"].unique()), cycle(COLOURS), strict=False)),
        shapes=dict(zip(sorted(points["regulariser"].unique()), cycle(SHAPES), strict=False)),
        has_bound=len(goals) == 2,
    )


def _plugin_names(rows: pd.DataFrame, column: str) -> pd.Series:
    """Return the objective or regulariser of each row; `all` for each if the sweep does not vary it."""
    if column not in rows:
        return pd.Series("all", index=rows.index)
    return rows[column].fillna("none").astype(str)


def _goal_axis(sweep: Sweep, name: str, rows: pd.DataFrame, is_on_front: pd.Series) -> Axis:
    """Return the axis of a goal, given its metric name."""
    goal = sweep.metrics[name]
    _, dataset, quantity = parse(name)
    title = f"{dataset} {quantity}".replace("_", " ")
    values, base = rows[name].astype(float), sweep.base.get(name, math.nan)
    bars = pd.Series([_bar(row, name) for row in rows.to_dict("records")], rows.index, dtype=float)
    base_bar = _bar(sweep.base, name)
    if goal.better == "nearer":
        title = f"distance of {title} from {number(goal.ideal)}"
        values, base = values.map(goal.cost), goal.cost(base)
    lower_is_better = goal.better != "higher"
    direction = "← lower is better" if lower_is_better else "higher is better →"
    lines = textwrap.wrap(
        f"{title} ({goal.unit})", LABEL_CHARS, max_lines=LABEL_LINES, placeholder=" …"
    )
    label = "\n".join([*lines, direction])
    limits = _limits(values, bars, is_on_front, base, base_bar)
    return Axis(label, values, bars, base, base_bar, limits, lower_is_better)


def _bar(row: Mapping[Any, Any], metric: str) -> float:
    """Return half the 95 % interval of a metric of a candidate; NaN if it is exact or not known."""
    half = half_width(*error_of(row, metric))
    return math.nan if half is None else half


def _trial_axis(rows: pd.DataFrame, is_on_front: pd.Series) -> Axis:
    """Return the axis of the numbers of trials, on which the base model has no place."""
    values, nothing = rows["trial"].astype(float), pd.Series(math.nan, rows.index)
    limits = _limits(values, nothing, is_on_front, math.nan, math.nan)
    return Axis(TRIAL, values, nothing, math.nan, math.nan, limits, lower_is_better=True)


def _limits(
    values: pd.Series, bars: pd.Series, is_on_front: pd.Series, base: float, base_bar: float
) -> tuple[float, float]:
    """Return the limits of an axis: around all points, but not far from the front and the base model.

    Beyond these two, whose error bars are drawn, the axis reaches at most as far as they span. So a few
    ruined trials, or a long bar, do not squeeze the others together.
    """
    everything = pd.Series([*values, base]).dropna()
    near = pd.Series([*values[is_on_front], base]).dropna()
    if everything.empty:
        return 0.0, 1.0
    near = everything if near.empty else near
    reach = np.ptp(near) or np.ptp(everything) or 1.0
    drawn_bars = pd.Series([*bars[is_on_front], base_bar]).fillna(0.0)
    ends = pd.Series([*values[is_on_front], base])
    low = max(np.nanmin([everything.min(), (ends - drawn_bars).min()]), near.min() - reach)
    high = min(np.nanmax([everything.max(), (ends + drawn_bars).max()]), near.max() + reach)
    margin = 0.08 * (high - low or 1.0)
    return low - margin, high + margin
