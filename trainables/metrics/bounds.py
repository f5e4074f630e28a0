"""Bounds of what metrics can be: the lowest and the highest possible value, None where there is none.

Intervals end at them (trainables/metrics/interval.py).
"""

Bounds = tuple[float | None, float | None]

ANY: Bounds = (None, None)
NOT_NEGATIVE: Bounds = (0.0, None)
SHARE: Bounds = (0.0, 1.0)
PERCENT: Bounds = (0.0, 100.0)
CHANGE_OF_PERCENT: Bounds = (-100.0, 100.0)
FROM_50: Bounds = (0.0, 50.0)  # the distance of a percentage from 50


def of_difference(bounds: Bounds) -> Bounds:
    """Return the bounds of the difference between two values that have these bounds.

    >>> of_difference(SHARE), of_difference(NOT_NEGATIVE)
    ((-1.0, 1.0), (None, None))
    """
    lowest, highest = bounds
    if lowest is None or highest is None:
        return ANY
    return lowest - highest, highest - lowest
