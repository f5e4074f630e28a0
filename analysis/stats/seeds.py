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
from collections.abc import Sequence
from statistics import mean

import numpy as np

from analysis.record.replicates import (
    Places,
    Replicates,
    Spread,
    careful_df,
    with_seeds,
)
from analysis.stats.paired import NOTHING, SAME_MODEL, PairedTest, df_of_decisions
from trainables.metrics.interval import MIN_DF, UNKNOWN_DF, quantile

NO_SEEDS = Spread(0.0, 0.0, math.inf)  # of the base model


def seeds_test(
    sides: tuple[Replicates, Replicates],
    spreads: Sequence[Spread | None],
    cluster_I: Places,
    *,
    of_decisions: bool = False,
    is_same: bool = False,
) -> tuple[PairedTest, float]:
    """Return the test of a metric's difference between two recipes, and its degrees of freedom.

    Nothing is known where a spread is None, with fewer than MIN_DF degrees of freedom of the items,
    with less than one in all, or where neither items nor seeds spread; but of one and the same model
    the difference is 0. With one degree of freedom of a spread, those of the test are by `careful_df`.

    Args:
        sides: the two recipes, on the same items; the difference is second minus first.
        spreads: the spread between seeds of each; of two trials of one recipe one for both, which is
            `spread_beside` them.
        cluster_I: the number of each item's cluster, from 0.
        of_decisions: whether the items are decisions, whose changes limit the degrees of freedom.
        is_same: whether all replicates of both are the same model.
    """
    from scipy.special import ndtr, stdtr

    one, other = sides
    # Exact means, so that equal values differ by nothing.
    difference = mean(other.values_R.tolist()) - mean(one.values_R.tolist())
    if is_same and difference == 0:
        return SAME_MODEL, math.inf
    change_I = other.influences_RI.mean(axis=0) - one.influences_RI.mean(axis=0)
    change_C = np.bincount(cluster_I, weights=change_I).astype(float)
    of_items = float(change_C @ change_C)
    df_of_items = min(one.df, other.df, df_of_decisions(change_C) if of_decisions else math.inf)
    shares = _shares(sides, spreads)
    if shares is None or df_of_items < MIN_DF or math.isnan(difference):
        return NOTHING, UNKNOWN_DF
    variance, df = with_seeds(of_items, df_of_items, shares)
    if variance == 0:
        return NOTHING, UNKNOWN_DF
    if any(seeds.is_hardly_known for seeds, _ in shares):
        of_seeds = [(share * seeds.beside_items, seeds.df) for seeds, share in shares]
        parts = [(of_items, df_of_items), *of_seeds]
        df = careful_df([(part, part_df) for part, part_df in parts if part > 0])
    if round(df, 6) < 1:  # all but nothing is left of a spread that is large itself
        return NOTHING, UNKNOWN_DF
    se = math.sqrt(variance)
    half = quantile(df) * se
    t = -abs(difference) / se
    p = 2 * float(ndtr(t) if math.isinf(df) else stdtr(df, t))
    return PairedTest(se, difference - half, difference + half, p), df


def _shares(
    sides: tuple[Replicates, Replicates], spreads: Sequence[Spread | None]
) -> list[tuple[Spread, float]] | None:
    """Return the spreads between seeds and by what each counts; None if one is not known."""
    known = [seeds for seeds in spreads if seeds is not None]
    if len(known) < len(spreads):
        return None
    counts = [1 / len(side.values_R) for side in sides]
    return [*zip(known, counts if len(known) > 1 else [sum(counts)], strict=True)]
