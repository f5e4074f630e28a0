"""What the items of replicates say of the mean over them: one error for fronts and for comparisons.

Replicates are measured on the same items. Of n of them, with values x_r, the mean has the variance

    V + (s² − e²)⁺ / n,    s² = Σ_r (x_r − mean)² / (n − 1)

V is that of the items, from the mean influence of each over the replicates. It holds, shrunk by n, what
an item and a seed have in common: the items that another seed decides anew. s² holds that too; e² is
that part of s², from how the influences of items differ between replicates. The degrees of freedom are
Welch and Satterthwaite's.

R = replicates, I = items, C = clusters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import mean
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainables.metrics.estimate import Estimate
from trainables.metrics.interval import LEVEL, quantile

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
FEW_SEEDS = 2  # up to which the spread between seeds is hardly known


class Replicates(NamedTuple):
    """One metric of the replicates of a recipe, measured on the same items.

    values_R: a value for each replicate.
    influences_RI: corrected influences of the items (trainables/metrics/estimate.py).
    df: degrees of freedom of the items' error.
    """

    values_R: Floats
    influences_RI: Floats
    df: float


class Spread(NamedTuple):
    """The spread between the seeds of one recipe, or of several.

    variance: s², of one value among replicates, in the squared unit of the metric.
    shared: e², the part of it that the variance of the items holds already.
    df: degrees of freedom of s².
    """

    variance: float
    shared: float
    df: float

    @property
    def is_hardly_known(self) -> bool:
        """Whether s² has one degree of freedom, as of two seeds."""
        return self.df <= 1

    @property
    def beside_items(self) -> float:
        """What seeds add to the variance of the items: (s² − e²)⁺; all of s² if that is hardly known.

        So uncertain an s² may be near e² by chance.
        """
        return self.variance if self.is_hardly_known else max(0.0, self.variance - self.shared)


class OfItems(NamedTuple):
    """What the items of all replicates of a recipe say of one metric, in its squared unit.

    variance: V, of the mean over replicates.
    shared: e², as in Spread.
    """

    variance: float
    shared: float


def spread(replicates: Replicates, cluster_I: Places) -> Spread:
    """Return the spread between the seeds of one recipe, which has two or more replicates.

    cluster_I: the number of each item's cluster, from 0.
    """
    num = len(replicates.values_R)
    from_mean_RI = replicates.influences_RI - replicates.influences_RI.mean(axis=0)
    sums_RC = np.array([np.bincount(cluster_I, weights=row) for row in from_mean_RI])
    variance = float(np.var(replicates.values_R, ddof=1))
    return Spread(variance, float((sums_RC**2).sum()) / (num - 1), num - 1.0)


def spread_beside(replicates: Replicates, pair: tuple[int, int], cluster_I: Places) -> Spread:
    """Return the spread between the seeds of one recipe, less what the difference of two of them adds.

    That difference can so be tested against the spread: of n replicates, n − 2 degrees of freedom are
    left beside it and the mean.

    Args:
        replicates: three or more.
        pair: the places of the two among them.
        cluster_I: the number of each item's cluster, from 0.
    """
    values_R, influences_RI = replicates.values_R.copy(), replicates.influences_RI.copy()
    values_R[list(pair)] = values_R[list(pair)].mean()
    influences_RI[list(pair)] = influences_RI[list(pair)].mean(axis=0)
    without = spread(Replicates(values_R, influences_RI, replicates.df), cluster_I)
    df = without.df - 1
    return Spread(without.variance * without.df / df, without.shared * without.df / df, df)


def of_items(estimates: Sequence[Estimate]) -> OfItems | None:
    """Return what the items of two or more replicates say of their mean.

    None if an error is not known, or the replicates were not measured on the very same items.
    """
    items = estimates[0].items
    if any(one.se is None or one.items != items for one in estimates):
        return None
    df = min(one.df for one in estimates)
    values_R = np.array([one.value for one in estimates])
    influences_RI = np.array([one.influences_I for one in estimates])
    # As of one model: a few clusters may be alike by chance.
    together = Estimate(mean(values_R), items, None, influences_RI.mean(axis=0), df)
    if together.se is None:
        return None
    replicates = Replicates(values_R, influences_RI, df)
    return OfItems(together.se**2, spread(replicates, items.cluster_I).shared)


def with_seeds(
    variance: float, df: float, shares: Sequence[tuple[Spread, float]]
) -> tuple[float, float]:
    """Return a variance of items with that of seeds added, and its degrees of freedom.

    Args:
        variance: of the items.
        df: its degrees of freedom.
        shares: each spread between seeds, and by what it counts: 1 / n for a mean over n replicates.
    """
    doubt = variance**2 / df
    for seeds, share in shares:
        if seeds.beside_items > 0:
            variance += seeds.beside_items * share
            # It is s² that is uncertain: the items leave little doubt about e².
            doubt += (seeds.variance * share) ** 2 / seeds.df
    return variance, variance**2 / doubt if doubt else math.inf


def careful_df(parts: Sequence[tuple[float, float]]) -> float:
    """Return the degrees of freedom by which half a 95 % interval is √(Σ half²) of those of its parts.

    parts: (variance, degrees of freedom) of each.
    """
    from scipy.special import stdtridf

    squared = sum(variance * quantile(df) ** 2 for variance, df in parts)
    wanted = math.sqrt(squared / sum(variance for variance, _ in parts))
    return float(stdtridf((1 + LEVEL) / 2, wanted))
