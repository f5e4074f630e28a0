"""Standard errors of means over clusters of items, right for few clusters too.

Items that were drawn together, such as the sentences about one target term, are one *cluster*, and
only clusters are independent. For the weighted mean of clusters with the shares h_c of all weight
(Σ h_c = 1), means m_c and the mean m = Σ h_c m_c,

    variance = Σ_c h_c² (m_c − m)² / (1 − h_c)

The divisor makes up for each cluster's pull on the mean that it is compared with. This is the estimator
CR2 of Bell & McCaffrey (2002, Survey Methodology 28) for a mean, which is unbiased if the variance of
m_c is in inverse proportion to h_c; with equal shares it is s² / C. Its degrees of freedom are those of
Satterthwaite: of the χ² distribution whose mean and variance are those of the estimator, if the
clusters' means are normal. With equal shares they are C − 1, and fewer with unequal ones, as a few
large clusters then decide.

I = items, C = clusters.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

# A cluster with all but this share of the weight leaves no other to compare it with.
ALL_WEIGHT = 1e-12
ROUNDING = 1e-12


def numbered(labels: Sequence[str]) -> Places:
    """Return the number of each item's cluster, from 0, given the label of each item's cluster."""
    return np.unique(np.asarray(labels, dtype=str), return_inverse=True)[1]


def standard_error(influences_I: Floats, cluster_I: Places) -> float:
    """Return √(Σ_c (Σ_{i ∈ c} influence_i)²), in the unit of the influences; NaN if one of them is.

    It is 0 where the clusters are alike but for rounding.

    Args:
        influences_I: corrected influences of the items (trainables/metrics/estimate.py).
        cluster_I: the number of each item's cluster, as `numbered` gives it.
    """
    sums_C = np.bincount(cluster_I, weights=influences_I)
    se = float(np.sqrt(sums_C @ sums_C))
    return 0.0 if se < ROUNDING * float(np.abs(influences_I).max()) else se


def corrections(weights_I: Floats, cluster_I: Places) -> Floats:
    """Return 1 / √(1 − h_c) of the cluster of each item; 0 where one cluster has all the weight.

    Args:
        weights_I: weights of the items, not below 0, their sum above 0.
        cluster_I: the number of each item's cluster, as `numbered` gives it.
    """
    share_C = np.bincount(cluster_I, weights=weights_I) / weights_I.sum()
    rest_C = 1 - share_C
    correction_C = np.zeros_like(rest_C)
    np.divide(1, np.sqrt(rest_C), out=correction_C, where=rest_C > ALL_WEIGHT)
    correction_I: Floats = correction_C[cluster_I]
    return correction_I


def degrees_of_freedom(weights_I: Floats, cluster_I: Places) -> float:
    """Return the degrees of freedom of the error of a weighted mean; 0 if one cluster has all weight.

    They are (tr M)² / tr M², where M is the covariance of the terms of the variance (see above)

        M_cd = g_c g_d (v_c [c = d] − a_c − a_d + s),   g_c = h_c / √(1 − h_c),   a_c = h_c v_c,
        s = Σ h_c² v_c

    and v_c = Σ w_i² / (Σ w_i)² over the items of c: the variance of m_c, up to a factor, if items are
    independent. Simulation (docs/noise.md) shows that intervals hold the true value as often as they
    should where the items of a cluster are alike, too.

    Args:
        weights_I: weights of the items, not below 0, their sum above 0.
        cluster_I: the number of each item's cluster, as `numbered` gives it.
    """
    sums_C = np.bincount(cluster_I, weights=weights_I)
    squares_C = np.bincount(cluster_I, weights=weights_I**2)
    is_counted = sums_C > 0
    sums_C, squares_C = sums_C[is_counted], squares_C[is_counted]
    share_C = sums_C / sums_C.sum()
    if share_C.max() >= 1 - ALL_WEIGHT:
        return 0.0
    variance_C = squares_C / sums_C**2
    if np.ptp(share_C) == np.ptp(variance_C) == 0:
        return len(share_C) - 1.0  # without rounding
    df = _satterthwaite(share_C, variance_C)
    # 1 and C − 1 are its bounds but for rounding.
    return min(max(df, 1.0), len(share_C) - 1.0)


def _satterthwaite(share_C: Floats, variance_C: Floats) -> float:
    """Return (tr M)² / tr M² (see degrees_of_freedom) in a time that grows as C and not as C².

    The largest cluster is taken apart from the others, O: 1 less its share is the sum of theirs, which
    keeps its digits where that share is almost 1.

    Args:
        share_C: h_c.
        variance_C: v_c, in any unit.
    """
    largest = int(share_C.argmax())
    share, variance = float(share_C[largest]), float(variance_C[largest])
    share_O, variance_O = np.delete(share_C, largest), np.delete(variance_C, largest)
    rest = float(share_O.sum())
    a_O, a = share_O * variance_O, share * variance
    s_of_others = float(share_O @ a_O)
    s = share * a + s_of_others
    g_O, g = share_O**2 / (1 - share_O), share**2 / rest

    own = g * (variance * rest**2 + s_of_others)
    trace = own + float(g_O @ (variance_O + s - 2 * a_O))
    beside_largest = 2 * g * float(g_O @ (s_of_others - a * rest - a_O) ** 2)
    sum_g, ga, gaa = float(g_O.sum()), float(g_O @ a_O), float(g_O @ a_O**2)
    among_others = (s * sum_g) ** 2 + 2 * sum_g * gaa - 4 * s * sum_g * ga + 2 * ga**2
    among_others += float(g_O**2 @ (variance_O**2 + 2 * variance_O * (s - 2 * a_O)))
    return trace**2 / (own**2 + beside_largest + among_others)


def holding_clusters(influences_I: Floats, cluster_I: Places) -> float:
    """Return how many clusters hold a value that is made of decisions, on the side that fewer hold.

    If few items of many are decided one way and lie in few clusters, another sample of clusters may
    well have none of them, or many more. The items that move the value up are held effectively by
    (Σ_c s_c)² / Σ_c s_c² clusters, where s_c is the sum of their influences in cluster c, and those
    that move it down likewise; the smaller number is returned. It is 0 if no item moves the value up,
    or none down.

    Args:
        influences_I: influences of the items (trainables/metrics/estimate.py).
        cluster_I: the number of each item's cluster, as `numbered` gives it.
    """
    sides = [np.bincount(cluster_I, np.clip(sign * influences_I, 0, None)) for sign in (1, -1)]
    return min(
        float(side_C.sum() ** 2 / (side_C @ side_C)) if side_C.any() else 0.0 for side_C in sides
    )


def welch_satterthwaite(parts: Sequence[tuple[float, float]]) -> float:
    """Return the degrees of freedom of the sum of independent variances.

    (Σ V)² / Σ (V² / df) (Welch 1947, Biometrika 34). 0 if one of them has none, and the smallest of
    all if no variance is above 0.

    Args:
        parts: (variance, degrees of freedom) of each, at least one.

    >>> welch_satterthwaite([(1.0, 4.0), (1.0, 4.0)])
    8.0
    """
    if min(df for _, df in parts) <= 0:
        return 0.0
    total = sum(variance for variance, _ in parts)
    doubt = sum(variance**2 / df for variance, df in parts)
    return total**2 / doubt if doubt > 0 else min(df for _, df in parts)
