"""A number that is estimated, with the range that it is expected in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """An estimate and its range, low ≤ value ≤ high, none of them negative.

    Sums and products are those of the ends: whatever made one estimate too small may have made the
    other too small, so that nothing averages out.

    >>> Interval(1, 2, 4) + Interval.around(10, 2)
    Interval(low=6.0, value=12.0, high=24)
    """

    low: float
    value: float
    high: float

    @classmethod
    def exactly(cls, value: float) -> Interval:
        """Return a number that is known."""
        return cls(value, value, value)

    @classmethod
    def around(cls, value: float, factor: float) -> Interval:
        """Return a number that is known to within a factor, at least 1, both ways."""
        return cls(value / factor, float(value), value * factor)

    def __add__(self, other: Interval) -> Interval:
        """Return the sum."""
        return Interval(self.low + other.low, self.value + other.value, self.high + other.high)

    def __mul__(self, other: Interval | float) -> Interval:
        """Return the product with another interval, or with a number that is known."""
        if not isinstance(other, Interval):
            other = Interval.exactly(other)
        return Interval(self.low * other.low, self.value * other.value, self.high * other.high)

    def within(self, low: float, high: float) -> Interval:
        """Return the interval with all three numbers cut to these limits."""
        return Interval(*(min(max(n, low), high) for n in (self.low, self.value, self.high)))

    def as_list(self) -> list[float]:
        """Return [low, value, high], to write it as JSON."""
        return [self.low, self.value, self.high]


ZERO = Interval(0.0, 0.0, 0.0)
