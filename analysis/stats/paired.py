"""Whether two trials differ, or only look so: a paired test on the items that both were measured on."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from analysis.record import items
from analysis.record.sweep import Candidate, Sweep


def compare(sweep: Sweep, one: Candidate | None, other: Candidate | None, /) -> pd.DataFrame:
    """One row a metric that both have items of; None stands for the base model.

    difference = other − one, in the metric's unit. Its standard error is that of the items'
    differences of influence, summed within clusters, and p (two-sided) is of Student's t with one
    degree of freedom less than clusters: for a plain mean exactly the paired t-test. Where the two
    were not measured on the very same items, all three are NaN: then values cannot be compared.
    Columns: metric, unit, one, other, difference, se, p, items, clusters.
    """
    both = items.items(sweep, one).merge(
        items.items(sweep, other),
        on=["metric", "item"],
        suffixes=("_one", "_other"),
        how="outer",
        sort=False,
        validate="one_to_one",
        indicator=True,
    )
    rows = []
    for name, each in both.dropna(subset=["item"]).groupby("metric", sort=False):
        pairs = each[each["_merge"] == "both"]
        if pairs.empty:
            continue
        metric = sweep.metrics.get(str(name))
        value, value_other = pairs["value_one"].iloc[0], pairs["value_other"].iloc[0]
        by = pairs["cluster_one"].fillna(pairs["item"])
        change = (pairs["influence_other"] - pairs["influence_one"]).groupby(by.to_numpy()).sum()
        difference = value_other - value if len(pairs) == len(each) else math.nan
        se, p = _paired(difference, change.to_numpy())
        rows.append(
            {
                "metric": name,
                "unit": metric.unit if metric else "",
                "one": value,
                "other": value_other,
                "difference": difference,
                "se": se,
                "p": p,
                "items": len(pairs),
                "clusters": len(change),
            }
        )
    return pd.DataFrame(
        rows,
        columns=[
            *("metric", "unit", "one", "other", "difference", "se", "p", "items", "clusters"),
        ],
    )


def _paired(difference: float, change_C: np.ndarray) -> tuple[float, float]:
    from scipy import stats

    num = len(change_C)
    if num < 2 or math.isnan(difference):
        return math.nan, math.nan
    se = math.sqrt(num / (num - 1) * float(change_C @ change_C))
    if se == 0:  # items without spread tell nothing of those that were not measured
        return (0.0, 1.0) if difference == 0 else (math.nan, math.nan)
    return se, float(2 * stats.t.sf(abs(difference) / se, num - 1))
