"""A measured number, how sure of it one can be, and what each item had to do with it.

Every metric is a function of what is found item by item. The *influence* of an item is how far the
metric moves for it (the infinitesimal jackknife), so for C clusters of items drawn together

    variance = C / (C − 1) · Σ_c (Σ_{i ∈ c} influence_i)²

which for a plain mean of n independent items is s² / n. Influences of two models on the same items
subtract item by item: that is a paired comparison, for any metric (analysis/views/compare_table.py).

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
    """What the items of a benchmark are called, and which were drawn together.

    Attributes:
        clusters: one label an item; items with one label are not independent (the sentences about
            one target term, the questions from one template). Each item alone when left out.
    """

    names: tuple[str, ...]
    clusters: tuple[str, ...] = ()

    @classmethod
    def of(cls, names: Iterable[object], clusters: Iterable[object] = ()) -> Items:
        return cls(tuple(map(str, names)), tuple(map(str, clusters)))


NONE = Items(())


@dataclass(frozen=True)
class Estimate:
    """A number that a model was measured at.

    Attributes:
        value: in the metric's own unit.
        items: what it was measured on; none for what is exact, as a distance between weights.
        outcomes_I: what was found of each item (1 or 0 for right or wrong, nats, …).
        influences_I: how far each item moved the value; they sum to 0.
    """

    value: float
    items: Items = NONE
    outcomes_I: Floats | None = None
    influences_I: Floats | None = None

    @property
    def se(self) -> float | None:
        """Standard error of the value over clusters; None for what is exact or has one cluster.

        None too where all are alike (all items right, say): they tell of no spread, and 0 would
        claim that nothing ever differs.
        """
        if self.influences_I is None:
            return None
        return standard_error(self.influences_I, self.items.clusters or self.items.names) or None


def standard_error(influences_I: Floats, clusters: Sequence[str]) -> float | None:
    """See the head of this file."""
    labels, which = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    if len(labels) < 2:
        return None
    sums = np.bincount(which, weights=influences_I)
    return float(math.sqrt(len(labels) / (len(labels) - 1) * float(sums @ sums)))


def mean(
    outcomes: Iterable[float], items: Items, weights: Iterable[float] | None = None
) -> Estimate:
    """Σ w_i x_i / Σ w_i with influence_i = w_i (x_i − mean) / Σ w.

    With weights 1/N_t for the N_t items of a target term, and the terms as clusters, it is the mean
    over terms of the means within them, and its standard error that of T independent terms.

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
    alike = bool((outcomes_I == outcomes_I[0]).all())  # then rounding must make no difference
    # fsum: numpy's sums differ in the last digit with where in memory the numbers lie.
    value = float(outcomes_I[0] if alike else math.fsum(weights_I * outcomes_I) / total)
    return Estimate(value, items, outcomes_I, weights_I * (outcomes_I - value) / total)


def delta_method(value: float, *parts: tuple[float, Estimate]) -> Estimate:
    """A smooth function of estimates (the delta method).

    Each part is (∂value / ∂part, part). On the same items influences add up by these slopes; parts
    on different items are taken as independent.

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
    if len(influences) < 2:
        return Estimate(value, *next(((i, None, held) for i, held in influences.items()), ()))
    items = Items.of(
        (f"{n} {name}" for n, each in enumerate(influences) for name in each.names),
        (f"{n} {c}" for n, each in enumerate(influences) for c in each.clusters or each.names),
    )
    return Estimate(value, items, None, np.concatenate(list(influences.values())))


def jackknife(statistic: Callable[[Sequence[int]], float], items: Items) -> Estimate:
    """Any statistic of a choice of items (given by their places), leaving out each in turn.

    influence_i = (I − 1) / I · (mean of the left-out values − value without i): for a mean, exact.
    """
    num = len(items.names)
    without = np.array([statistic([*range(i), *range(i + 1, num)]) for i in range(num)])
    influences_I = (num - 1) / num * (without.mean() - without)
    return Estimate(statistic(range(num)), items, None, influences_I)


def distance(part: Estimate, ideal: float) -> Estimate:
    """|part − ideal|, whose slope is the side that part is on."""
    side = 1.0 if part.value >= ideal else -1.0
    return delta_method(abs(part.value - ideal), (side, part))


def values(found: Mapping[str, Estimate]) -> dict[str, float]:
    return {name: estimate.value for name, estimate in found.items()}


def errors(found: Mapping[str, Estimate]) -> dict[str, float]:
    """Standard errors, of those metrics that have one."""
    each = {name: estimate.se for name, estimate in found.items()}
    return {name: se for name, se in each.items() if se is not None and math.isfinite(se)}
