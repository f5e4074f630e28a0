"""The metrics of a task, with standard errors, from the harness's results of its items.

I = items.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from trainables.harness import library
from trainables.metrics.estimate import Estimate, Items, delta_method, mean
from trainables.metrics.jackknife import jackknife

MAX_LEFT_OUT = 200  # parts of the items that are left out in turn, where an aggregation is slow


def estimate(
    results: Sequence[Any],
    names: Sequence[str],
    aggregate: Callable[..., Any] | None,
    *,
    of_decisions: bool = False,
) -> Estimate:
    """Return the metric that the harness aggregates from the results of items.

    A mean has the items' results as outcomes. Perplexities and bits per byte are functions of a mean
    (delta method): exp(−Σ log p / Σ weight) and −Σ log p / Σ weight / ln 2. The errors of all others,
    such as F1, come from leaving out each item in turn, or each of MAX_LEFT_OUT parts of the items,
    which are then the clusters.

    Args:
        results: what the task's process_results gives for each item.
        names: of the items.
        aggregate: the harness's function from results to the value; None if it knows none.
        of_decisions: whether the results of a mean are decisions, such as right and wrong.

    Raises:
        ValueError: the results of a mean are no numbers, or the aggregation is unknown.
    """
    if aggregate is None:
        raise ValueError(
            "the aggregation of a metric must be one that the harness knows, but is not."
        )
    known = {function: name for name, function in library.aggregations().items()}
    items = Items.of(names)
    match known.get(aggregate):
        case "mean":
            return mean(_numbers(results), items, of_decisions=of_decisions)
        case "perplexity":
            return _exp(mean((-value for value in _numbers(results)), items))
        case "weighted_perplexity" if all(weight > 0 for _, weight in results):
            return _exp(_per_unit(results, items))
        case "bits_per_byte" if all(weight > 0 for _, weight in results):
            nats = _per_unit(results, items)
            return delta_method(nats.value / math.log(2), (1 / math.log(2), nats))
    return left_out(results, names, aggregate)


def average(parts: Sequence[Estimate], *, by_size: bool) -> Estimate:
    """Return the mean of one metric over the tasks of a group, whose items are all different.

    by_size: whether a task counts by its number of items; each counts equally otherwise.
    """
    sizes = [len(part.items.names) if by_size else 1 for part in parts]
    shares = [size / sum(sizes) for size in sizes]
    value = math.fsum(share * part.value for share, part in zip(shares, parts, strict=True))
    return delta_method(value, *zip(shares, parts, strict=True))


def left_out(
    results: Sequence[Any], names: Sequence[str], aggregate: Callable[..., Any]
) -> Estimate:
    """Return a metric whose influences come from leaving out each part of the items in turn.

    A part is one item, where there are at most MAX_LEFT_OUT of them.
    """
    num_parts = min(len(results), MAX_LEFT_OUT)
    part_I = [i % num_parts for i in range(len(results))]
    items = Items.of(names, part_I if num_parts < len(results) else ())
    return jackknife(lambda chosen: float(aggregate([results[i] for i in chosen])), items)


def _numbers(results: Sequence[Any]) -> list[float]:
    """Return the results of items as numbers.

    Raises:
        ValueError: one of them is none.
    """
    try:
        return [float(result) for result in results]
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"the results of a metric that is a mean must be numbers, but: {error}."
        ) from error


def _per_unit(results: Sequence[tuple[float, float]], items: Items) -> Estimate:
    """Return −Σ log p / Σ weight of items, each given as (log p in nats, weight)."""
    weights = [float(weight) for _, weight in results]
    rates = [-float(value) / weight for value, weight in results]
    return mean(rates, items, weights)


def _exp(nats: Estimate) -> Estimate:
    """Return e to the power of an estimate, infinite where it is beyond what a float holds."""
    value = math.exp(nats.value) if nats.value < 700 else math.inf
    return delta_method(value, (value, nats))
