"""Mix replayed texts into the texts that a trial trains on, at an exact ratio."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Mixture:
    """A sequence of texts, new ones (to be trained on for the debiasing) and old ones (replayed).

    items:     (is_old, index of the text among the old or the new) in the order of training.
    shortfall: number of old texts that the ratio requires beyond those that the replay set has. New
               texts take their places, because to repeat old texts would be another experiment.
    """

    items: list[tuple[bool, int]]
    shortfall: int


def mix(num_new: int, num_old: int, ratio: float, *, length: int, seed: int) -> Mixture:
    """Return a mixture of `length` texts, of which exactly round(ratio · length) are old.

    The ratio r is the share of the final mix, so there are r / (1 − r) old texts for each new one. Old
    texts are spread evenly: the first n texts hold their share of all old ones, to within one.
    New texts come in shuffled epochs, old ones in shuffled order without repetition. The result is a
    function of the arguments, so a resumed trial trains on the same texts.

    Source: share-of-final-mix semantics as in Ibrahim et al. 2024 (arXiv 2403.08763).

    Raises:
        ValueError: there is no new text.

    >>> [is_old for is_old, _ in mix(6, 9, 0.25, length=8, seed=0).items].count(True)
    2
    """
    if num_new < 1:
        raise ValueError(f"there must be new texts to mix old ones into, but got {num_new=}.")
    num_wanted = round(ratio * length)
    num_given = min(num_wanted, num_old)
    old = iter(random.Random(f"old {seed}").sample(range(num_old), num_given))
    new = epochs(num_new, f"new {seed}")
    is_old = [(k + 1) * num_given // length > k * num_given // length for k in range(length)]
    items = [(is_old_k, next(old) if is_old_k else next(new)) for is_old_k in is_old]
    return Mixture(items, shortfall=num_wanted - num_given)


def epochs(num_texts: int, seed: str) -> Iterator[int]:
    """Yield the indices of texts without end: each once an epoch, every epoch in another order."""
    for epoch in itertools.count():
        yield from random.Random(f"{seed} {epoch}").sample(range(num_texts), num_texts)
