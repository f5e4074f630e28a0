"""The contents of a scatter plot of the front: points, axes, colours and shapes.

front_figure.py draws them. The colours are those of Okabe and Ito 2008 (Color universal
design), which colour-blind readers tell apart. Shapes show the regulariser and rims the front, so
that nothing rests on colour alone.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, cycle
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.record.candidate import BASE, Candidate
from analysis.record.names import TrialState
from analysis.record.sweep import Sweep
from analysis.record.table import error_of
from analysis.stats.ties import ties
from analysis.views.front_words import MAYBE_TIED, TIED, label, number
from trainables.metrics.interval import UNKNOWN_DF, interval
from trainables.metrics.metric import Metric
from trainables.metrics.names import parse

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C8C8C")
SHAPES = ("o", "s", "^", "D", "v", "P", "X")  # as matplotlib names them
TRIAL = "number of the trial"  # label of the horizontal axis if there is one goal
INK, GREY, GRID = "#222222", "#9A9A9A", "#ECECEC"
# Of the texts beside points, as shares of a panel's width and height:
LETTER_WIDTH, LINE_HEIGHT = 0.019, 0.042
LABEL_CHARS, LABEL_LINES = 40, 3  # of an axis, so that it is not longer than the axis
UNKNOWN_ERROR = "±?"  # beside a point
MAX_NAMES = 2  # of members at one place
MAX_LINES = 4  # above a point, where other texts are in the way


class Bar(NamedTuple):
    """How far an error bar reaches to either side of a value, NaN for none; unknown is 1 for `± ?`."""

    below: float
    above: float
    unknown: float = 0.0


NO_BAR = Bar(math.nan, math.nan)


@dataclass(frozen=True)
class Axis:
    """An axis of the plot: the value of a goal, or its distance from the ideal if nearer is better.

    label:  the name of the goal, its unit and its direction.
    values: the value of each point, on the index of `Sweep.candidates`.
    bars:   the error bar of each point: how far its 95 % interval reaches below and above the value, in
            the columns `below` and `above`, NaN if it is exact or not known; `unknown` as in Bar.
    base:   the value of the base model; NaN if it is not known.
    base_bar: its error bar.
    limits: the lower and the upper end of the axis.
    lower_is_better: on this axis, so that it is true of a distance.
    """

    label: str
    values: pd.Series
    bars: pd.DataFrame
    base: float
    base_bar: Bar
    limits: tuple[float, float]
    lower_is_better: bool

    @property
    def worse(self) -> float:
        """The limit at the bad end: the upper one if lower is better, else the lower one."""
        low, high = self.limits
        return high if self.lower_is_better else low


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

    points:     a row for each complete recipe, on the index of `Sweep.candidates`; columns: name (of
                the candidate), label (the same with ×N replicates), objective, regulariser, feasible
                (within the constraints), front (whether on it), tied and maybe_tied (lists of the names
                of the members that it is not told apart from, without the base), and near_base (whether
                it is not told apart from the base, a member).
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
        lie = "candidate lies" if num_beyond == 1 else "candidates lie"
        note = f"\n({num_beyond} {lie} beyond these axes)" if num_beyond else ""
        return x.label + note, y.label

    def numbers(self, x: Axis, y: Axis) -> list[PointText]:
        """Return the numbers that are written beside members of the front, from left to right.

        Members at the same place share one text, which names the first MAX_NAMES of them. A text that
        would cover another one is written on the next line above that is free, and left out after
        MAX_LINES. A member that is not told apart from others names the first of them, and one without
        a bar whose error is not known says so.
        """
        members = self.points[self.points["front"]]
        is_unknown = (x.bars["unknown"] + y.bars["unknown"]).astype(bool)
        texts: list[PointText] = []
        for _, group in members.groupby([x.values[members.index], y.values[members.index]]):
            place = x.values[group.index[0]], y.values[group.index[0]]
            here = group.to_dict("records")
            words = ", ".join(_text(member, here) for member in here[:MAX_NAMES])
            words += " …" if len(group) > MAX_NAMES else ""
            words += f" {UNKNOWN_ERROR}" if is_unknown[group.index].any() else ""
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


def _text(member: Mapping[Any, Any], here: Sequence[Mapping[Any, Any]]) -> str:
    """Return the text beside a member: its label, and one elsewhere that it is not told apart from.

    member: its row in Scatter.points. here: those of all members at its place.
    """
    names_here = {other["name"] for other in here}
    for sign, names in ((TIED, member["tied"]), (MAYBE_TIED, member["maybe_tied"])):
        if elsewhere := [name for name in names if name not in names_here]:
            return f"{member['label']} {sign} {elsewhere[0]}{' …' if len(elsewhere) > 1 else ''}"
    return str(member["label"])


def scatter_of(sweep: Sweep) -> Scatter:
    """Return the scatter plot of a sweep.

    With one goal there is one panel, of the goal against the number of the trial.
    """
    goals = [goal.name for goal in sweep.goals]
    every = sweep.candidates()
    rows = every[every["state"] == TrialState.COMPLETE]
    records = rows.to_dict("records")
    names = [str(Candidate.of(row)) for row in records]
    ties_of = ties(sweep, rows)
    points = pd.DataFrame(
        {
            "name": names,
            "label": [label(row) for row in records],
            "objective": _plugin_names(rows, "objective.name"),
            "regulariser": _plugin_names(rows, "regulariser.name"),
            "feasible": rows["feasible"],
            "front": rows["front"],
            "tied": [[n for n in ties_of[name].tied if n != BASE] for name in names],
            "maybe_tied": [[n for n in ties_of[name].maybe if n != BASE] for name in names],
            "near_base": [BASE in [*ties_of[name].tied, *ties_of[name].maybe] for name in names],
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
    """Return the objective or regulariser of each row; `all` for each if it has no such column."""
    if column not in rows:
        return pd.Series("all", index=rows.index)
    return rows[column].fillna("none").astype(str)


def _goal_axis(sweep: Sweep, name: str, rows: pd.DataFrame, is_on_front: pd.Series) -> Axis:
    """Return the axis of a goal, given its metric name."""
    goal = sweep.metrics[name]
    _, dataset, quantity = parse(name)
    title = f"{dataset} {quantity}".replace("_", " ")
    values, base = rows[name].astype(float), sweep.base.get(name, math.nan)
    bars = _bars([_bar(row, goal) for row in rows.to_dict("records")], rows.index)
    base_bar = _bar(sweep.base, goal)
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


def _bar(row: Mapping[Any, Any], goal: Metric) -> Bar:
    """Return the error bar of a goal of a candidate, whose value may be missing."""
    value = float(row.get(goal.name, math.nan))
    se, df = error_of(row, goal.name)
    ends = interval(value, se, df, goal.bounds)
    if ends is None or math.isnan(value):
        return NO_BAR._replace(unknown=float(df == UNKNOWN_DF and not math.isnan(value)))
    low, high = ends
    if goal.better == "nearer":  # the distances from the ideal of all values in the interval
        costs = sorted(map(goal.cost, ends))
        low, high = 0.0 if low < goal.ideal < high else costs[0], costs[1]
        value = goal.cost(value)
    return Bar(value - low, high - value)


def _bars(bars: Sequence[tuple[float, ...]], index: pd.Index | None) -> pd.DataFrame:
    """Return error bars as a table with a row for each point, on this index."""
    return pd.DataFrame([*bars], index, columns=[*Bar._fields], dtype=float)


def _trial_axis(rows: pd.DataFrame, is_on_front: pd.Series) -> Axis:
    """Return the axis of the numbers of trials, on which the base model has no place."""
    values, nothing = rows["trial"].astype(float), _bars([NO_BAR] * len(rows), rows.index)
    limits = _limits(values, nothing, is_on_front, math.nan, NO_BAR)
    return Axis(TRIAL, values, nothing, math.nan, NO_BAR, limits, lower_is_better=True)


def _limits(
    values: pd.Series, bars: pd.DataFrame, is_on_front: pd.Series, base: float, base_bar: Bar
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
    drawn = _bars([*bars[is_on_front].itertuples(index=False), base_bar], None).fillna(0.0)
    centres = pd.Series([*values[is_on_front], base])
    low = max(np.nanmin([everything.min(), (centres - drawn["below"]).min()]), near.min() - reach)
    high = min(np.nanmax([everything.max(), (centres + drawn["above"]).max()]), near.max() + reach)
    return low - (margin := 0.08 * (high - low or 1.0)), high + margin
