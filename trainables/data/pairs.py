"""Pairs of a stereotype and its twin, as every alignment set gives them."""

from __future__ import annotations

from typing import NamedTuple


class Pair(NamedTuple):
    """Two sentences that differ in a group.

    original_is_stereotype: whether the stereotype is the text that was found, and its opposite the
        twin; False where it is the other way round.
    real_share: of the people in the occupation that the pair is about, the share (0 to 1) who are of
        the stereotype's gender; None where it is about no occupation with statistics.
    """

    stereotype: str
    antistereotype: str
    original_is_stereotype: bool = True
    real_share: float | None = None


def real_share(percentage_of_women: float | None, female: bool) -> float | None:
    """Return the share, from 0 to 1, of the stereotype's gender in an occupation.

    Args:
        percentage_of_women: of the people in the occupation; None if it is not known, and so is
            the share then.
        female: whether the stereotype is of a woman.
    """
    if percentage_of_women is None:
        return None
    return (percentage_of_women if female else 100 - percentage_of_women) / 100
