"""Which points nothing beats, and how much of the cost space a set of them covers.

Thin and typed over moocore (López-Ibáñez and others, Core Algorithms for Multi-Objective
Optimization, https://multi-objective.github.io/moocore/python). Everything is minimised: a `Metric`
turns its values into costs. Axes: N points, M goals.
"""

from collections.abc import Sequence

import moocore
import numpy as np
from numpy.typing import ArrayLike, NDArray

from trainables.metrics.metric import Metric


def front(costs_NM: ArrayLike, /) -> NDArray[np.bool_]:
    """Mask of the non-dominated points.

    q dominates p where q ≤ p in every cost and q < p in at least one. Equal points do not dominate
    each other, so every copy of a non-dominated point is kept: two recipes that end in the same
    place are two recipes.

    costs_NM: finite, in any unit. Returns mask_N. O(N log N) up to 3 goals, at most O(M N²) beyond
    (Kung, Luccio and Preparata 1975, On finding the maxima of a set of vectors). Raises ValueError
    for costs that are not finite, or not a matrix.

    >>> front([[1, 4], [2, 2], [2, 2], [4, 1], [3, 3]])
    array([ True,  True,  True,  True, False])
    """
    costs = _finite_matrix(costs_NM)
    if len(costs) == 0:
        return np.zeros(0, dtype=bool)
    mask_N: NDArray[np.bool_] = moocore.is_nondominated(costs, keep_weakly=True)
    return mask_N


def hypervolume(costs_NM: ArrayLike, /, *, reference: ArrayLike) -> float:
    """Volume of all that lies between the points and the reference: larger is better.

    HV = λ(∪_n [costs_n, reference]), λ the Lebesgue measure (Zitzler and Thiele 1998,
    Multiobjective optimization using evolutionary algorithms). A point that is not better than the
    reference in every goal adds nothing; no points have a volume of 0.

    costs_NM: finite; reference: one cost a goal, or one for all. The unit is the product of the
    goals' units. O(N log N) up to 3 goals (Beume and others 2009, On the complexity of computing
    the hypervolume indicator), O(N²) for 4 (Guerreiro and Fonseca 2018, Computing and updating
    hypervolume contributions in up to four dimensions), O(N^(M-2)) beyond (Fonseca, Paquete and
    López-Ibáñez 2006, An improved dimension-sweep algorithm for the hypervolume indicator). Raises
    ValueError for costs that are not finite, or not a matrix.

    Three boxes of 1×4, 2×3 and 4×1 seen from (5, 5), less what they share:

    >>> hypervolume([[4, 1], [3, 2], [1, 4]], reference=[5, 5])
    9.0
    """
    costs = _finite_matrix(costs_NM)
    if len(costs) == 0:
        return 0.0
    return float(moocore.hypervolume(costs, ref=np.asarray(reference, dtype=float)))


def share_costs(values_NM: ArrayLike, /, metrics: Sequence[Metric]) -> NDArray[np.float64]:
    """Costs where the ideal is 0 and the worst is 1 (`Metric.share`): goals of any unit compare.

    values_NM: column m in the unit of metrics[m]. Returns costs_NM without unit; their hypervolume
    with reference 1 is 1 for a perfect model.

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
    # moocore 0.3.2 calls NaN non-dominated, and -inf in three dimensions ends the process.
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
