"""The estimate of a statistic that has no formula for influences: by leaving out clusters in turn.

Source: Efron & Stein 1981 (Annals of Statistics 9); for several samples, Arvesen 1969 (Annals of
Mathematical Statistics 40).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from trainables.metrics import clusters
from trainables.metrics.estimate import Estimate, Items


def jackknife(
    statistic: Callable[[Sequence[int]], float], items: Items, samples: Sequence[object] = ()
) -> Estimate:
    """Return the estimate of any statistic; influences come from leaving out each cluster in turn.

    Of a sample of C clusters, cluster c has the influence √((C − 1) / C) · (mean over d of value
    without d − value without c), in equal parts on its items; for a mean these are the influences of
    `mean`. Variances of several samples add up, with the degrees of freedom of Welch–Satterthwaite.

    Args:
        statistic: the value for some of the items, which are given by their indices.
        samples: a label for each item, equal for those of one sample, such as a group of words that is
            compared with another; clusters lie within samples. Empty if there is one sample.
    """
    sample_of = list(samples) or [""] * len(items.names)
    influences_I = np.zeros(len(items.names))
    variances: list[tuple[float, float]] = []
    for sample in dict.fromkeys(sample_of):
        is_of_sample = np.array([label == sample for label in sample_of])
        members = [
            np.flatnonzero(items.cluster_I == c) for c in np.unique(items.cluster_I[is_of_sample])
        ]
        if len(members) == 1:  # nothing says how far another cluster would have moved the value
            variances.append((0.0, 0.0))
            continue
        without_C = np.array(
            [statistic(np.setdiff1d(np.arange(len(items.names)), own).tolist()) for own in members]
        )
        factor = math.sqrt((len(members) - 1) / len(members))
        influence_C = factor * (without_C.mean() - without_C)
        for own, influence in zip(members, influence_C, strict=True):
            influences_I[own] = influence / len(own)
        variances.append((float(influence_C @ influence_C), len(members) - 1.0))
    df = clusters.welch_satterthwaite(variances)
    return Estimate(statistic(range(len(items.names))), items, None, influences_I, df)
