"""Dominance between points, and the volume of cost space that a set of points covers.

A thin, typed layer over moocore (López-Ibáñez and others, Core Algorithms for Multi-Objective
Optimization, https://multi-objective.github.io/moocore/python). Every goal is minimised: a `Metric`
turns its values into costs. Axes: N points, M goals.
"""

from collections.abc import Sequence

import moocore
import numpy as np
from numpy.typing import ArrayLike, NDArray

from trainables.metrics.metric import Metric


def front(costs_NM: ArrayLike, /) -> NDArray[np.bool_]:
    """Return mask_N, which is True for each point that no other point dominates.

    q dominates p where q ≤ p in every cost and q < p in at least one. Equal points do not dominate
    each other, so every copy of a non-dominated point is on the front: two recipes that end in the
    same place are two recipes.

    Time: O(N log N) up to 3 goals, at most O(M N²) beyond (Kung, Luccio and Preparata 1975, On
    finding the maxima of a set of vectors).

    Args:
        costs_NM: a row for each point, a column for each goal; finite, in any unit.

    Raises:
        ValueError: a cost is not finite, or costs_NM is not a matrix.

    >>> front([[1, 4], [2, 2], [2, 2], [4, 1], [3, 3]])
    array([ True,  True,  True,  True, False])
    """
    costs = _finite_matrix(costs_NM)
    if len(costs) == 0:
        return np.zeros(0, dtype=bool)
    mask_N: NDArray[np.bool_] = moocore.is_nondominated(costs, keep_weakly=True)
    return mask_N


def hypervolume(costs_NM: ArrayLike, /, *, reference: ArrayLike) -> float:
    """Return the volume between the points and the reference point; larger is better.

    HV = λ(∪_n [costs_n, reference]), λ the Lebesgue measure (Zitzler and Thiele 1998,
    Multiobjective optimization using evolutionary algorithms). A point that is not better than the
    reference in every goal adds nothing; no points have a volume of 0. The unit is the product of the
    goals' units.

    Time: O(N log N) up to 3 goals (Beume and others 2009, On the complexity of computing the
    hypervolume indicator), O(N²) for 4 (Guerreiro and Fonseca 2018, Computing and updating
    hypervolume contributions in up to four dimensions), O(N^(M-2)) beyond (Fonseca, Paquete and
    López-Ibáñez 2006, An improved dimension-sweep algorithm for the hypervolume indicator).

    Args:
        costs_NM: a row for each point, a column for each goal; finite.
        reference: one cost for each goal, or one cost for all goals.

    Raises:
        ValueError: a cost is not finite, or costs_NM is not a matrix.

    Three boxes of 1×4, 2×3 and 4×1 seen from (5, 5), less the parts that they share:

    >>> hypervolume([[4, 1], [3, 2], [1, 4]], reference=[5, 5])
    9.0
    """
    costs = _finite_matrix(costs_NM)
    if len(costs) == 0:
        return 0.0
    return float(moocore.hypervolume(costs, ref=np.asarray(reference, dtype=float)))


def share_costs(values_NM: ArrayLike, /, metrics: Sequence[Metric]) -> NDArray[np.float64]:
    """Return costs_NM without unit, in which 0 is the ideal and 1 the worst value of each goal.

    So goals of any unit compare (`Metric.share`). The hypervolume of these costs with reference 1 is
    1 for a perfect model.

    Args:
        values_NM: a row for each model; column m is in the unit of metrics[m].

    >>> gap = Metric("bias/stereoset/gap", "points", "lower", ideal=0, worst=50, about="")
    >>> accuracy = Metric("task/piqa/accuracy", "share", "higher", ideal=1, worst=0.5, about="")
    >>> share_costs([[10, 0.75]], [gap, accuracy])
    array([[0.2, 0.5]])
    """
    values = np.asarray(values_NM, dtype=float).reshape(-1, len(metrics))
    return np.array(
        [
            [metric.share(value) for metric, value in zip(metrics, row, strict=True)]
            for row in values
        ]
    ).reshape(values.shape)


def _finite_matrix(costs_NM: ArrayLike) -> NDArray[np.float64]:
    """Return the costs as a copied array of floats.

    Raises:
        ValueError: a cost is not finite, or costs_NM has not two axes. moocore 0.3.2 counts NaN as
            non-dominated, and -inf in three dimensions ends its process.
    """
    costs = np.array(costs_NM, dtype=float)
    if costs.ndim == 0 or (len(costs) and (costs.ndim != 2 or costs.shape[1] == 0)):
        raise ValueError(
            f"costs must have two axes, points and at least one goal, but got shape {costs.shape}."
        )
    if not np.isfinite(costs).all():
        rows = np.flatnonzero(~np.isfinite(costs).all(axis=1))
        raise ValueError(
            f"costs must be finite, but got NaN or infinity in rows {rows[:10].tolist()} "
            f"of {len(costs)}; leave such trials out first."
        )
    return costs
