"""The estimate of a statistic that has no formula for influences: by leaving out clusters in turn.

Source: Efron & Stein 1981 (Annals of Statistics 9).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from trainables.metrics.estimate import Estimate, Items


def jackknife(
    statistic: Callable[[Sequence[int]], float], items: Items, samples: Sequence[object] = ()
) -> Estimate:
    """Return the estimate of any statistic; influences come from leaving out each cluster in turn.

    Of the n clusters of one sample, cluster c has the influence √((n − 1) / n) · (mean over d of value
    without d − value without c), in equal parts on its items; for a mean these are the influences of
    `mean`, and for a difference of the means of two samples the variance is s₁² / n₁ + s₂² / n₂. The
    degrees of freedom are those of the smallest sample, one less than its clusters. For a difference
    this is more careful than Welch and Satterthwaite, because statistics such as SEAT's d are far from
    normal with few words (docs/noise.md).

    Args:
        statistic: the value for some of the items, which are given by their indices.
        samples: a label for each item, equal for those of one sample, such as a group of words that is
            compared with another; clusters lie within samples. Empty if there is one sample.
    """
    num_items = len(items.names)
    sample_of = list(samples) or [""] * num_items
    members = [np.flatnonzero(items.cluster_I == c) for c in range(items.cluster_I.max() + 1)]
    sample_C = np.array([sample_of[own[0]] for own in members])
    sizes = Counter(sample_C.tolist())
    influences_I = np.zeros(num_items)
    df = min(sizes.values()) - 1.0
    if df:
        everything = np.arange(num_items)
        without_C = np.array([statistic(np.delete(everything, own).tolist()) for own in members])
        for sample, size in sizes.items():
            of_sample = np.flatnonzero(sample_C == sample)
            factor = math.sqrt((size - 1) / size)
            centre = without_C[of_sample].mean()
            for c in of_sample:
                influences_I[members[c]] = factor * (centre - without_C[c]) / len(members[c])
    return Estimate(statistic(range(num_items)), items, None, influences_I, df)
