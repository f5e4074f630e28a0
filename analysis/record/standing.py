"""How candidates stand against each other: who keeps the constraints, and who dominates whom.

The base model is one of them. Axes: N candidates, M goals.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis import pareto
from analysis.record.names import TrialState
from trainables.metrics.metric import Metric

BaseStanding = Literal["on the front", "dominated", "beyond a constraint", "not measured"]
COLUMNS = ("feasible", "front", "loses_to_base")  # that `judge` adds


class Judged(NamedTuple):
    """A table of candidates that has the columns COLUMNS, and how the base model stands among them."""

    candidates: pd.DataFrame
    base: BaseStanding


def judge(
    candidates: pd.DataFrame,
    base: Mapping[str, float],
    goals: Sequence[Metric],
    constraints: Mapping[str, Mapping[str, float]],
) -> Judged:
    """Return the candidates with three more columns, and the standing of the base model.

        feasible: whether a candidate is within the bounds of every constraint.
        front: whether it is complete, feasible, and not dominated by another such candidate nor by
            the base model.
        loses_to_base: whether the base model dominates it.

    A base model that is beyond a constraint, or lacks a value of a goal or of a constrained metric,
    dominates none.

    Args:
        candidates: finite in every goal, with a column `state`.
        base: values of the base model by metric name.
        constraints: metric name -> {"min": …, "max": …}; either may be absent.
    """
    table = candidates.assign(feasible=_feasible(candidates, constraints))
    leads = (table["feasible"] & (table["state"] == TrialState.COMPLETE)).to_numpy(bool)
    names = [*(goal.name for goal in goals), *constraints]
    base_row = pd.DataFrame([dict(base)]).reindex(columns=list(dict.fromkeys(names))).astype(float)
    is_measured = bool(base_row.notna().all(axis=None))
    rivals = base_row[_feasible(base_row, constraints)] if is_measured else base_row[:0]
    costs_NM, rival_costs = costs(table, goals), costs(rivals, goals)
    mask = pareto.front(np.concatenate([costs_NM[leads], rival_costs]))
    on_front, loses = leads.copy(), np.zeros(len(table), dtype=bool)
    on_front[leads] = mask[: leads.sum()]
    for rival_M in rival_costs:
        loses = (rival_M <= costs_NM).all(axis=1) & (rival_M < costs_NM).any(axis=1)
    table = table.assign(front=on_front, loses_to_base=loses)
    if not is_measured:
        return Judged(table, "not measured")
    if rivals.empty:
        return Judged(table, "beyond a constraint")
    return Judged(table, "on the front" if mask[-1] else "dominated")


def costs(rows: pd.DataFrame, goals: Sequence[Metric]) -> NDArray[np.float64]:
    """Return costs_NM of these rows in the goals, each in its own unit; smaller is better."""
    return np.array([[goal.cost(value) for value in rows[goal.name]] for goal in goals]).T.reshape(
        len(rows), len(goals)
    )


def _feasible(
    values: pd.DataFrame, constraints: Mapping[str, Mapping[str, float]]
) -> NDArray[np.bool_]:
    """Return whether each row is within the bounds of every constraint; a missing value is not."""
    is_feasible = np.ones(len(values), dtype=bool)
    for name, bounds in constraints.items():
        low, high = bounds.get("min", -math.inf), bounds.get("max", math.inf)
        is_feasible &= values[name].between(low, high).to_numpy(bool)
    return is_feasible
