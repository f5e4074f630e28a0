"""A measured number, its standard error, and the influence of each item on it.

Every metric is a function of the outcomes of its items. The *influence* of an item is how far the
item moves the metric (the infinitesimal jackknife). For C clusters of items drawn together

    variance = C / (C − 1) · Σ_c (Σ_{i ∈ c} influence_i)²

which for a plain mean of n independent items is s² / n. The influences of two models on the same
items subtract item by item, which is a paired comparison for any metric (analysis/stats/paired.py).

I = items.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
        influences_I: how far each item moved the value, which sum to 0; None for an exact number.
    """

    value: float
    items: Items = NO_ITEMS
    outcomes_I: Floats | None = None
    influences_I: Floats | None = None

    @property
    def se(self) -> float | None:
        """Standard error of the value over clusters; None for an exact number or a single cluster.

        It is also None where all clusters are alike, such as all items right: 0 would claim that
        another sample could not differ.
        """
        if self.influences_I is None:
            return None
        return standard_error(self.influences_I, self.items.clusters or self.items.names) or None


def standard_error(influences_I: Floats, clusters: Sequence[str]) -> float | None:
    """Return √(C / (C − 1) · Σ_c (Σ_{i ∈ c} influence_i)²) over C clusters; None if C < 2.

    Args:
        influences_I: how far each item moves the value, in the metric's own unit.
        clusters: the label of each item's cluster.
    """
    labels, cluster_I = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    if len(labels) < 2:
        return None
    sums = np.bincount(cluster_I, weights=influences_I)
    return float(math.sqrt(len(labels) / (len(labels) - 1) * float(sums @ sums)))


def mean(
    outcomes: Iterable[float], items: Items, weights: Iterable[float] | None = None
) -> Estimate:
    """Return the weighted mean Σ w_i x_i / Σ w_i, with influence_i = w_i (x_i − mean) / Σ w.

    With weights 1/N_t for the N_t items of a target term, and the terms as clusters, it is the mean
    over terms of the means within them, and its standard error that of T independent terms. If the
    weights sum to 0 the value is NaN.

    Args:
        outcomes: x_i, one for each item.
        weights: w_i, one for each item; all 1 if None.

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
    if total == 0:
        return Estimate(math.nan, items, outcomes_I, np.zeros_like(outcomes_I))
    # Equal outcomes are their own mean to the bit: rounding would make up a spread.
    are_equal = bool((outcomes_I == outcomes_I[0]).all())
    # fsum: numpy's sums differ in the last digit with where in memory the numbers lie.
    value = float(outcomes_I[0] if are_equal else math.fsum(weights_I * outcomes_I) / total)
    return Estimate(value, items, outcomes_I, weights_I * (outcomes_I - value) / total)


def delta_method(value: float, *parts: tuple[float, Estimate]) -> Estimate:
    """Return the estimate of a smooth function of other estimates (the delta method).

    The influences of estimates on the same items add up, each times its slope. Estimates on
    different items are taken as independent.

    Args:
        value: the value of the function.
        parts: (∂value / ∂estimate, estimate) for each estimate that the function depends on.

    >>> items = Items.of("abc")
    >>> nll = mean([1.0, 2.0, 3.0], items)
    >>> perplexity = delta_method(math.exp(nll.value), (math.exp(nll.value), nll))
    >>> round(perplexity.value, 2), round(perplexity.se / nll.se, 2)
    (7.39, 7.39)
    """
    influences: dict[Items, Floats] = {}
    for slope, part in parts:
        if part.influences_I is not None:
            influences[part.items] = influences.get(part.items, 0.0) + slope * part.influences_I
    if not influences:
        return Estimate(value)
    if len(influences) == 1:
        ((items, influences_I),) = influences.items()
        return Estimate(value, items, None, influences_I)
    names = [f"{n} {name}" for n, items in enumerate(influences) for name in items.names]
    clusters = [
        f"{n} {label}"
        for n, items in enumerate(influences)
        for label in items.clusters or items.names
    ]
    influences_I = np.concatenate(list(influences.values()))
    return Estimate(value, Items.of(names, clusters), None, influences_I)


def jackknife(statistic: Callable[[Sequence[int]], float], items: Items) -> Estimate:
    """Return the estimate of any statistic, whose influences come from leaving out each item in turn.

    influence_i = (I − 1) / I · (mean over j of value without j − value without i), which is exact
    for a mean.

    Args:
        statistic: the value for some of the items, which are given by their indices.
    """
    num_items = len(items.names)
    without_I = np.array(
        [statistic([*range(i), *range(i + 1, num_items)]) for i in range(num_items)]
    )
    influences_I = (num_items - 1) / num_items * (without_I.mean() - without_I)
    return Estimate(statistic(range(num_items)), items, None, influences_I)


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
