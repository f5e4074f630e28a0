"""How much a search space is to check, counted before any of it is made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sweep.space.corners import longest_domain, num_to_check
from sweep.space.domains import RANGES, children, domain
from sweep.space.faults import DomainFault
from trainables.schema.counted import counted

# Of the trials that a space is checked with; they take about a second.
MAX_TRIALS = 5_000
MAX_VALUES = 100_000


def extent_faults(tree: dict[str, Any]) -> Iterator[DomainFault]:
    """Yield a fault if a search space has too many trials to check, at its longest domain.

    tree: a space without bad domains.
    """
    most = min(MAX_TRIALS, MAX_VALUES // _num_values(tree))
    num_trials = num_to_check(tree, most)
    if num_trials > most:
        number = num_trials if num_trials < 10**9 else "more than 10⁹"
        yield DomainFault(
            longest_domain(tree),
            f"must leave at most {counted(most, 'trial')} to check, but there are {number}: each "
            "option, both ends of each range, and each pair of those side by side. Shorten the longest "
            "choices, or search numbers between two ends, as {int: [low, high]}.",
        )


def _num_values(tree: Any) -> int:
    """Return the number of values of the largest trial of a space, each mapping and list among them."""
    kind, argument = domain(tree) or ("", tree)
    if kind in RANGES:
        return 1
    if kind == "choice":
        return max(map(_num_values, argument))
    return 1 + sum(_num_values(child) for _, child in children(tree))
