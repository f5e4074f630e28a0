"""Test whether two candidates differ: a paired t-test on the items that both were measured on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.record.candidate import Candidate
from analysis.record.items import read_items
from analysis.record.sweep import Sweep
from trainables.metrics.bounds import ANY, of_difference
from trainables.metrics.interval import MIN_DF, quantile
from trainables.metrics.metric import Metric

COLUMNS = [
    *("metric", "unit", "one", "other", "difference", "se", "df", "low", "high", "p"),
    *("items", "clusters"),
]


class PairedTest(NamedTuple):
    """A paired test of one metric; all are NaN where nothing can be said.

    se: standard error of the difference, in the unit of the metric.
    low, high: ends of its 95 % interval.
    p: two-sided p-value.
    """

    se: float
    low: float
    high: float
    p: float


NOTHING = PairedTest(math.nan, math.nan, math.nan, math.nan)
SAME_MODEL = PairedTest(0.0, 0.0, 0.0, 1.0)
ROUNDING = 1e-9
MAX_KINDS_OF_DECISIONS = 3  # different outcomes that decisions have at most: right, wrong, a tie


def compare(sweep: Sweep, first: Candidate | None, second: Candidate | None, /) -> pd.DataFrame:
    """Return a table with a row for each metric of which both candidates have items.

    Columns:
        metric, unit: of the metric.
        one, other: values of the first and of the second candidate.
        difference: other − one.
        se: standard error of the difference.
        df: degrees of freedom of the standard error; NaN for many.
        low, high: ends of the 95 % interval of the difference.
        p: two-sided p-value of the difference.
        items, clusters: numbers of items and clusters that both were measured on.

    The standard error is that of the differences of the items' influences, summed within clusters
    (trainables/metrics/estimate.py), and df the smaller one of the two candidates', of decisions at
    most `df_of_decisions`. For a plain mean this is the paired t-test. Difference, se, low, high and p
    are NaN if the two were not measured on the very same items: the values cannot be compared then. Of
    two that are the same model (`are_same`) every difference is exactly 0.

    Args:
        first, second: the candidates; None stands for the base model.

    Raises:
        ValueError: the sweep has no such trial, or no items of it.
    """
    one, other = read_items(sweep, first), read_items(sweep, second)
    is_same = first == second or are_same([one, other])
    joined = one.merge(
        other,
        on=["metric", "item"],
        suffixes=("_one", "_other"),
        how="outer",
        sort=False,
        validate="one_to_one",
        indicator=True,
    )
    joined = joined.dropna(subset=["item"])
    rows = [
        _compare_metric(sweep, str(name), items, is_same=is_same)
        for name, items in joined.groupby("metric", sort=False)
        if (items["_merge"] == "both").any()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def are_same(tables: Sequence[pd.DataFrame], /) -> bool:
    """Return whether some candidates are one model, as far as their items can tell.

    All results of all items are equal, and those of at least one metric are numbers such as an NLL:
    other models may make the same decisions, but do not have the same likelihoods to the last bit.
    Metrics that one of them lacks are left out, as the base model's changes against itself.

    tables: of `read_items`, one for each candidate.
    """
    shared = set.intersection(*(set(table["metric"]) for table in tables))
    columns = ["metric", "item", "value", "outcome", "influence"]
    first, *others = (
        table.loc[table["metric"].isin(shared) & table["item"].notna(), columns].sort_values(
            columns[:2], ignore_index=True
        )
        for table in tables
    )
    has_numbers = (first.groupby("metric")["outcome"].nunique() > MAX_KINDS_OF_DECISIONS).any()
    return bool(has_numbers) and all(first.equals(other) for other in others)


def _compare_metric(
    sweep: Sweep, name: str, items: pd.DataFrame, *, is_same: bool
) -> dict[str, Any]:
    """Return the row of one metric.

    items: the items of either candidate, joined; `_merge` says which of the two has an item.
    is_same: whether the two are the same model.
    """
    shared = items[items["_merge"] == "both"]
    metric = sweep.metrics.get(name)
    value_one, value_other = shared["value_one"].iloc[0], shared["value_other"].iloc[0]
    clusters = shared["cluster_one"].fillna(shared["item"]).to_numpy()
    change_I = shared["influence_other"] - shared["influence_one"]
    change_C = change_I.groupby(clusters).sum().to_numpy()
    difference = value_other - value_one if len(shared) == len(items) else math.nan
    df = float(shared[["design_df_one", "design_df_other"]].iloc[0].min())
    if shared[["decisions_one", "decisions_other"]].all(axis=None):
        df = min(df, df_of_decisions(change_C))
    test = within_bounds(paired_t_test(difference, change_C, df, is_same=is_same), metric)
    return {
        "metric": name,
        "unit": metric.unit if metric else "",
        "one": value_one,
        "other": value_other,
        "difference": difference,
        "df": df if 0 < df < math.inf and test != SAME_MODEL else math.nan,
        **test._asdict(),
        "items": len(shared),
        "clusters": len(change_C),
    }


def within_bounds(test: PairedTest, metric: Metric | None) -> PairedTest:
    """Return a test whose interval ends where the possible differences of a metric do.

    metric: None if it was not declared.
    """
    lowest, highest = of_difference(metric.bounds) if metric else ANY
    if lowest is None or highest is None:
        return test
    return test._replace(low=max(test.low, lowest), high=min(test.high, highest))


def df_of_decisions(change_C: NDArray[np.float64]) -> float:
    """Return the degrees of freedom that the changes of decisions allow: 1 / skewness² − 1.

    skewness = Σ_c change_c³ / (Σ_c change_c²)^(3/2). Where k of many items are decided otherwise, all
    for the better, that is k − 1: another sample may have none of them, or many more. Where as many are
    decided for the worse, nothing limits them, and they are infinite.

    change_C: as in `paired_t_test`.

    >>> float(df_of_decisions(np.array([1.0, 1.0, 1.0, 0.0, 0.0])))
    2.0
    >>> df_of_decisions(np.array([1.0, -1.0, 0.0]))
    inf
    """
    squares, cubes = float((change_C**2).sum()), float((change_C**3).sum())
    skewness = cubes / squares**1.5 if squares else 0.0
    return max(0.0, 1 / skewness**2 - 1) if abs(skewness) > ROUNDING else math.inf


def paired_t_test(
    difference: float, change_C: NDArray[np.float64], df: float, *, is_same: bool = False
) -> PairedTest:
    """Return the test of a difference between two candidates on the same items.

    se = √(Σ_c change_c²), and p is that of Student's t. Nothing is known with fewer than MIN_DF degrees
    of freedom, if the difference is NaN, or if nothing changes in any cluster: that two models decided
    the measured items alike says nothing about how they decide others. Only of one and the same model
    the difference is known to be 0: se is 0 and p 1.

    Args:
        difference: of the two values, in the unit of the metric.
        change_C: sum over each of C clusters of the differences of the items' corrected influences.
        df: degrees of freedom of se.
        is_same: whether the two candidates are the same model.
    """
    from scipy.special import ndtr, stdtr

    if is_same and difference == 0:
        return SAME_MODEL
    if df < MIN_DF or math.isnan(difference):
        return NOTHING
    se = math.sqrt(float(change_C @ change_C))
    if se == 0:
        return NOTHING
    t = -abs(difference) / se
    p = 2 * float(ndtr(t) if math.isinf(df) else stdtr(df, t))
    half = quantile(df) * se
    return PairedTest(se, difference - half, difference + half, p)
