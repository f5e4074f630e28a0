"""Test whether two recipes differ: on the same items, with the spread between seeds in the error.

The seeds of a recipe are a sample, as its items are. With n_A and n_B replicates on the same items, the
variance of the difference between the two means is

    V + (s_A² − e_A²)⁺ / n_A + (s_B² − e_B²)⁺ / n_B

V is that of the paired test (analysis/stats/paired.py), on the mean influence of each item over the
replicates; s² and e² are those of a recipe alone (analysis/record/replicates.py).

I = items, C = clusters.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from analysis.record.replicates import Places, Replicates, Spread, with_seeds
from analysis.stats.paired import NOTHING, SAME_MODEL, PairedTest
from trainables.metrics.interval import MIN_DF, UNKNOWN_DF, quantile

NO_SEEDS = Spread(0.0, 0.0, math.inf)  # of the base model


def pooled(spreads: Iterable[Spread]) -> Spread | None:
    """Return the spread of several recipes, weighted by their degrees of freedom; None for none."""
    known = list(spreads)
    df = sum(one.df for one in known)
    if not df:
        return None
    variance = sum(one.variance * one.df for one in known) / df
    return Spread(variance, sum(one.shared * one.df for one in known) / df, df)


def _df_of(spreads: tuple[Spread | None, ...]) -> float:
    """Return the degrees of freedom of all different spreads together; 0 if one is not known."""
    known = {one for one in spreads if one is not None and one != NO_SEEDS}
    if None in spreads:
        return 0.0
    return sum(one.df for one in known) if known else math.inf


def seeds_test(
    sides: tuple[Replicates, Replicates],
    spreads: tuple[Spread | None, Spread | None],
    cluster_I: Places,
    *,
    is_same: bool = False,
) -> tuple[PairedTest, float]:
    """Return the test of a metric's difference between two recipes, and its degrees of freedom.

    Nothing is known where a spread is None, with fewer than
    MIN_DF degrees of freedom of the items or of the seeds (two trials of one recipe are all that is
    known), or where neither items nor seeds spread; but of one and the same model the difference is 0.

    Args:
        sides: the two recipes, on the same items; the difference is second minus first.
        spreads: the spread between seeds of each.
        cluster_I: the number of each item's cluster, from 0.
        is_same: whether all replicates of both are the same model.
    """
    from scipy.special import ndtr, stdtr

    one, other = sides
    difference = float(other.values_R.mean() - one.values_R.mean())
    df_of_items = min(one.df, other.df)
    if is_same and difference == 0:
        return SAME_MODEL, math.inf
    if min(df_of_items, _df_of(spreads)) < MIN_DF or math.isnan(difference):
        return NOTHING, UNKNOWN_DF
    change_I = other.influences_RI.mean(axis=0) - one.influences_RI.mean(axis=0)
    change_C = np.bincount(cluster_I, weights=change_I)
    shares: dict[Spread, float] = {}  # one spread that both recipes take is one number, too
    for side, seeds in zip(sides, spreads, strict=True):
        assert seeds is not None
        shares[seeds] = shares.get(seeds, 0.0) + 1 / len(side.values_R)
    variance, df = with_seeds(float(change_C @ change_C), df_of_items, shares)
    if variance == 0:
        return NOTHING, UNKNOWN_DF
    se = math.sqrt(variance)
    half = quantile(df) * se
    t = -abs(difference) / se
    p = 2 * float(ndtr(t) if math.isinf(df) else stdtr(df, t))
    return PairedTest(se, difference - half, difference + half, p), df
