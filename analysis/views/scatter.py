"""What the pictures of a front draw: points, axes, colours and shapes, for either form.

Colours: Okabe and Ito 2008, Color universal design, which colour-blind readers tell apart; shapes
show the regulariser and rims the front, so that nothing rests on colour alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, cycle

import numpy as np
import pandas as pd

from analysis.record.sweep import Candidate, Sweep
from analysis.views.words import number
from trainables.metrics.names import parse

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


def scatter_of(sweep: Sweep) -> Scatter:
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
