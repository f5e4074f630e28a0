"""Mixing old text into new: how much of what a model trains on is what it knew before."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Mixture:
    """A stream of texts, some new (to be learnt), some old (to be kept).

    items:     (is_old, index of the text) in the order of training.
    shortfall: old texts that the ratio asks for and the replay set does not have; new ones take
               their places, because repeating an old text silently would be another experiment.
    """

    items: list[tuple[bool, int]]
    shortfall: int


def mix(num_new: int, num_old: int, ratio: float, *, length: int, seed: int) -> Mixture:
    """Interleave so that exactly round(ratio · length) of `length` texts are old.

    The ratio is the share of the final mix: old ones make r / (1 − r) times the new. They are spread
    evenly: a prefix of n texts holds its share of all old ones, to within one.
    New texts come in shuffled epochs, old ones in shuffled order without repetition. The stream is
    a function of its arguments, so a resumed trial sees what it would have seen.

    Source: share-of-final-mix semantics as in Ibrahim et al. 2024 (arXiv 2403.08763).

    Raises:
        ValueError: there is no new text.

    >>> [is_old for is_old, _ in mix(6, 9, 0.25, length=8, seed=0).items].count(True)
    2
    """
    if num_new < 1:
        raise ValueError(f"there must be new texts to mix old ones into, but got {num_new=}.")
    wanted = round(ratio * length)
    given = min(wanted, num_old)
    old = iter(random.Random(f"old {seed}").sample(range(num_old), given))
    new = epochs(num_new, f"new {seed}")
    is_old = [(k + 1) * given // length > k * given // length for k in range(length)]
    items = [(old_now, next(old) if old_now else next(new)) for old_now in is_old]
    return Mixture(items, shortfall=wanted - given)


def epochs(num_texts: int, seed: str) -> Iterator[int]:
    """Indices of texts without end, each once an epoch, in an order of its own each time."""
    for epoch in itertools.count():
        yield from random.Random(f"{seed} {epoch}").sample(range(num_texts), num_texts)
