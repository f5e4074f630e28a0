"""Test whether two candidates differ: a paired t-test on the items that both were measured on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.record.items import read_items
from analysis.record.sweep import Candidate, Sweep

COLUMNS = ["metric", "unit", "one", "other", "difference", "se", "p", "items", "clusters"]


def compare(sweep: Sweep, first: Candidate | None, second: Candidate | None, /) -> pd.DataFrame:
    """Return a table with a row for each metric of which both candidates have items.

    Columns:
        metric, unit: of the metric.
        one, other: values of the first and of the second candidate.
        difference: other − one.
        se: standard error of the difference.
        p: two-sided p-value of the difference.
        items, clusters: numbers of items and clusters that both were measured on.

    The standard error is that of the differences of the items' influences, summed within clusters
    (trainables/metrics/estimate.py). For a plain mean this is the paired t-test. Difference, se and
    p are NaN if the two were not measured on the very same items: the values cannot be compared then.

    Args:
        first, second: the candidates; None stands for the base model.

    Raises:
        ValueError: the sweep has no such trial, or no items of it.
    """
    joined = read_items(sweep, first).merge(
        read_items(sweep, second),
        on=["metric", "item"],
        suffixes=("_one", "_other"),
        how="outer",
        sort=False,
        validate="one_to_one",
        indicator=True,
    )
    joined = joined.dropna(subset=["item"])
    rows = [
        _compare_metric(sweep, str(name), items)
        for name, items in joined.groupby("metric", sort=False)
        if (items["_merge"] == "both").any()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _compare_metric(sweep: Sweep, name: str, items: pd.DataFrame) -> dict[str, Any]:
    """Return the row of one metric.

    items: the items of either candidate, joined; `_merge` says which of the two has an item.
    """
    shared = items[items["_merge"] == "both"]
    metric = sweep.metrics.get(name)
    value_one, value_other = shared["value_one"].iloc[0], shared["value_other"].iloc[0]
    clusters = shared["cluster_one"].fillna(shared["item"]).to_numpy()
    change_I = shared["influence_other"] - shared["influence_one"]
    change_C = change_I.groupby(clusters).sum().to_numpy()
    difference = value_other - value_one if len(shared) == len(items) else math.nan
    se, p = paired_t_test(difference, change_C)
    return {
        "metric": name,
        "unit": metric.unit if metric else "",
        "one": value_one,
        "other": value_other,
        "difference": difference,
        "se": se,
        "p": p,
        "items": len(shared),
        "clusters": len(change_C),
    }


def paired_t_test(difference: float, change_C: NDArray[np.float64]) -> tuple[float, float]:
    """Return (standard error, two-sided p-value) of a difference between two candidates.

    se = √(C / (C − 1) · Σ_c change_c²), and p is that of Student's t with C − 1 degrees of freedom.
    Both are NaN with fewer than two clusters, or if the difference is NaN. If nothing changes in any
    cluster, they are (0, 1) for a difference of 0 and else NaN: items without spread say nothing about
    items that were not measured.

    Args:
        difference: of the two values, in the unit of the metric.
        change_C: sum over each of C clusters of the differences of the items' influences.
    """
    from scipy import stats

    num_clusters = len(change_C)
    if num_clusters < 2 or math.isnan(difference):
        return math.nan, math.nan
    se = math.sqrt(num_clusters / (num_clusters - 1) * float(change_C @ change_C))
    if se == 0:
        return (0.0, 1.0) if difference == 0 else (math.nan, math.nan)
    return se, float(2 * stats.t.sf(abs(difference) / se, num_clusters - 1))
