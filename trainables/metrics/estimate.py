"""A measured number, its standard error, and the influence of each item on it.

Every metric is a function of the outcomes of its items. The *influence* of an item is how far the item
moves the metric (the infinitesimal jackknife), times the correction for few clusters
(trainables/metrics/clusters.py). For items in clusters, which were drawn together,

    variance = Σ_c (Σ_{i ∈ c} influence_i)²

which for a plain mean of n independent items is s² / n. The influences of two models on the same items
subtract item by item, which is a paired comparison for any metric (analysis/stats/paired.py). How sure
the error itself is, its degrees of freedom say, by which an interval gets wider (interval.py).

I = items, C = clusters.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trainables.metrics import clusters
from trainables.metrics.interval import (
    FEW_DF,
    MIN_DF,
    MIN_DF_OF_DECISIONS,
    UNKNOWN_DF,
    quantile,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Items:
    """The names of the items of a benchmark, and which of them were drawn together.

    Attributes:
        names: one for each item.
        clusters: one label for each item; items with the same label are not independent, such as
            the sentences about one target term or the questions from one template. Empty if every
            item is a cluster of its own.
    """

    names: tuple[str, ...]
    clusters: tuple[str, ...] = ()

    @classmethod
    def of(cls, names: Iterable[object], clusters: Iterable[object] = ()) -> Items:
        """Return items whose names and clusters are given as anything that has a text form."""
        return cls(tuple(map(str, names)), tuple(map(str, clusters)))

    @cached_property
    def cluster_I(self) -> NDArray[np.intp]:
        """The number of each item's cluster, from 0."""
        return clusters.numbered(self.clusters or self.names)

    @property
    def are_alone(self) -> bool:
        """Whether each item is a cluster of its own."""
        return bool(len(self.names) == self.cluster_I.max() + 1)


NO_ITEMS = Items(())


@dataclass(frozen=True)
class Estimate:
    """The value of one metric for one model.

    Attributes:
        value: the number, in the metric's own unit.
        items: the items that it was measured on; NO_ITEMS for an exact number, such as a distance
            between weights.
        outcomes_I: the outcome of each item, such as 1 or 0 for right or wrong, or its nats; None if
            the value is not made of outcomes.
        influences_I: how far each item moved the value, corrected for few clusters; None for an exact
            number.
        design_df: degrees of freedom (interval.py has the rule) that the clusters allow: 0 if the items
            are of one cluster.
        is_of_decisions: whether outcomes are decisions, of which few may be one way: right and wrong,
            one sentence preferred or the other, with ties between them.
    """

    value: float
    items: Items = NO_ITEMS
    outcomes_I: Floats | None = None
    influences_I: Floats | None = None
    design_df: float = math.inf
    is_of_decisions: bool = False

    @property
    def df(self) -> float:
        """Degrees of freedom of the standard error.

        Of decisions they are at most one less than the clusters that hold the value on either side
        (`holding_clusters` in clusters.py), and not known if the design has fewer than
        MIN_DF_OF_DECISIONS. Where each item is a cluster of its own, this counts only if the first is
        less than MIN_DF: if one or two of all items are decided one way.
        """
        if self.influences_I is None or not self.is_of_decisions:
            return self.design_df
        held_by = clusters.holding_clusters(self.influences_I, self.items.cluster_I)
        if self.items.are_alone and held_by - 1 >= MIN_DF:
            return self.design_df
        if self.design_df < MIN_DF_OF_DECISIONS:
            return UNKNOWN_DF
        return max(UNKNOWN_DF, min(self.design_df, held_by - 1))

    @property
    def se(self) -> float | None:
        """Standard error of the value, in its unit; None for an exact number, or if it is not known.

        It is not known with fewer than MIN_DF degrees of freedom, nor where all items are alike, such
        as all right: 0 would claim that another sample could not differ. A few clusters may be alike by
        chance: with FEW_DF or fewer the 95 % interval is not narrower than the 90 % interval of items
        that are all independent.
        """
        df = self.df
        if self.influences_I is None or df < MIN_DF:
            return None
        if df > FEW_DF:
            return self.spread or None
        # Items alone need no correction for few clusters, √(C / (C − 1)) with equal shares.
        shrunk = math.sqrt(self.design_df / (self.design_df + 1))
        of_items = shrunk * math.sqrt(float(self.influences_I @ self.influences_I))
        return max(self.spread, quantile(math.inf, 0.9) / quantile(df) * of_items) or None

    @property
    def spread(self) -> float:
        """The standard error as computed, known or not; 0 for an exact number, or if all are alike."""
        if self.influences_I is None:
            return 0.0
        return clusters.standard_error(self.influences_I, self.items.cluster_I)


def mean(
    outcomes: Iterable[float],
    items: Items,
    weights: Iterable[float] | None = None,
    *,
    of_decisions: bool = False,
) -> Estimate:
    """Return the weighted mean Σ w_i x_i / Σ w_i.

    influence_i = w_i (x_i − mean) / (Σ w √(1 − h_c)), where h_c is the share of all weight that the
    cluster of item i has (trainables/metrics/clusters.py).

    With weights 1/N_t for the N_t items of a target term, and the terms as clusters, it is the mean
    over terms of the means within them, and its standard error that of T independent terms. If the
    weights sum to 0, or one is NaN, the value is NaN.

    Args:
        outcomes: x_i, one for each item.
        weights: w_i, one for each item, not below 0; all 1 if None.
        of_decisions: whether outcomes are decisions (see Estimate). What measures says so: outcomes do
            not, as a few nats may be alike, and the decisions of a poor model all be one.

    Raises:
        ValueError: there are no items.
    """
    outcomes_I = np.fromiter(outcomes, float)
    if not len(outcomes_I):
        raise ValueError(
            "there are no items to measure: the set, or what is selected of it, is empty."
        )
    weights_I = np.ones_like(outcomes_I) if weights is None else np.fromiter(weights, float)
    total = math.fsum(weights_I)
    if not total > 0:
        return Estimate(math.nan, items, outcomes_I, np.zeros_like(outcomes_I), UNKNOWN_DF)
    # Equal outcomes are their own mean to the bit: rounding would make up a spread.
    are_equal = bool((outcomes_I == outcomes_I[0]).all())
    # fsum: numpy's sums differ in the last digit with where in memory the numbers lie.
    value = float(outcomes_I[0] if are_equal else math.fsum(weights_I * outcomes_I) / total)
    influences_I = weights_I * (outcomes_I - value) / total
    influences_I *= clusters.corrections(weights_I, items.cluster_I)
    df = clusters.degrees_of_freedom(weights_I, items.cluster_I)
    return Estimate(value, items, outcomes_I, influences_I, df, of_decisions)


def delta_method(value: float, *parts: tuple[float, Estimate]) -> Estimate:
    """Return the estimate of a smooth function of other estimates (the delta method).

    The influences of estimates on the same items add up, each times its slope. Their degrees of freedom
    are Σ s / Σ (s / df) with s = |slope| · se, which are never more than the largest of them. Estimates
    on different items are taken as independent (Welch–Satterthwaite).

    Args:
        value: the value of the function.
        parts: (∂value / ∂estimate, estimate) for each estimate that the function depends on.

    >>> items = Items.of("abc")
    >>> nll = mean([1.0, 2.0, 3.0], items)
    >>> perplexity = delta_method(math.exp(nll.value), (math.exp(nll.value), nll))
    >>> round(perplexity.value, 2), round(perplexity.se / nll.se, 2), round(perplexity.df, 9)
    (7.39, 7.39, 2.0)
    """
    parts_of: dict[Items, list[tuple[float, Estimate]]] = {}
    for slope, part in parts:
        if part.influences_I is not None:
            parts_of.setdefault(part.items, []).append((slope, part))
    sums = [_added(value, items, own) for items, own in parts_of.items()]
    if len(sums) < 2:
        return sums[0] if sums else Estimate(value)
    names = [f"{n} {name}" for n, one in enumerate(sums) for name in one.items.names]
    labels = [
        f"{n} {label}"
        for n, one in enumerate(sums)
        for label in one.items.clusters or one.items.names
    ]
    influences_I = np.concatenate([one.influences_I for one in sums])
    return Estimate(value, Items.of(names, labels), None, influences_I, _independent_df(sums))


def _added(value: float, items: Items, parts: Sequence[tuple[float, Estimate]]) -> Estimate:
    """Return the estimate of a function of estimates on the same items: (slope, estimate) of each."""
    influences_I = np.zeros(len(items.names))
    for slope, part in parts:
        influences_I = influences_I + slope * part.influences_I  # type: ignore[operator]
    is_of_decisions = all(part.is_of_decisions for _, part in parts)
    return Estimate(value, items, None, influences_I, dependent_df(parts), is_of_decisions)


def dependent_df(parts: Sequence[tuple[float, Estimate]]) -> float:
    """Return the degrees of freedom of a sum of estimates that share clusters.

    Σ s / Σ (s / df) with s = |slope| · se: the harmonic mean, weighted by what each part adds at most.
    0 if one of them has 0, and the smallest of all if no part has a spread.

    Args:
        parts: (slope, estimate) of each.
    """
    spreads = [(abs(slope) * part.spread, part.design_df) for slope, part in parts]
    smallest = min((df for _, df in spreads), default=math.inf)
    total = sum(spread for spread, _ in spreads)
    if smallest == UNKNOWN_DF or not total or not math.isfinite(total):
        return smallest
    doubt = sum(spread / df for spread, df in spreads)
    return total / doubt if doubt else math.inf


def _independent_df(parts: Sequence[Estimate]) -> float:
    """Return the degrees of freedom of a sum of independent estimates; 0 if one error is not known."""
    if any(part.se is None for part in parts):
        return UNKNOWN_DF
    return clusters.welch_satterthwaite([(part.spread**2, part.design_df) for part in parts])


def distance(part: Estimate, ideal: float) -> Estimate:
    """Return the estimate of |part − ideal|, as sure as that of the part."""
    side = 1.0 if part.value >= ideal else -1.0
    return delta_method(abs(part.value - ideal), (side, part))


def values(estimates: Mapping[str, Estimate]) -> dict[str, float]:
    """Return the value of each metric by its name."""
    return {name: estimate.value for name, estimate in estimates.items()}


def errors(estimates: Mapping[str, Estimate]) -> dict[str, float]:
    """Return the standard error of each metric that has a finite one, by the name of the metric."""
    errors_by_name = {name: estimate.se for name, estimate in estimates.items()}
    return {name: se for name, se in errors_by_name.items() if se is not None and math.isfinite(se)}


def degrees_of_freedom(estimates: Mapping[str, Estimate]) -> dict[str, float]:
    """Return the degrees of freedom of each standard error, without infinite ones, by metric.

    A metric whose error is not known has UNKNOWN_DF. Exact numbers, and values that are NaN, have none.
    """
    known = errors(estimates)
    found = {
        name: estimate.df if name in known else UNKNOWN_DF
        for name, estimate in estimates.items()
        if estimate.influences_I is not None and not math.isnan(estimate.value)
    }
    return {name: df for name, df in found.items() if not math.isinf(df)}
