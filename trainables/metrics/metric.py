"""The declaration of a measured number: its unit, its ideal, and which way is better.

This file needs the standard library only, so that the analysis reads old sweeps without torch. A
direction alone is not enough: the ideal of a stereotype score is 50, so a search minimises the
distance from 50.
"""

import math
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any, Literal

from trainables.metrics.bounds import Bounds
from trainables.metrics.names import fused_name, parse

Better = Literal["lower", "higher", "nearer"]


@dataclass(frozen=True)
class Metric:
    """A number that a trial reports, declared beside the code that computes it.

    Attributes:
        name: ``family/dataset/quantity``, with ``fusion/α/`` before it at another α than the
            trial's own (trainables/metrics/names.py).
        unit: of the value, such as ``points`` or ``nats/token``; "" if it has none.
        better: ``lower``, ``higher``, or ``nearer`` (to the ideal, from both sides).
        ideal: the value of a perfect model.
        worst: the value beyond which nothing is lost any more; the reference point of hypervolumes.
        about: a description in a few words.
        source: the publication that defines it; "" if there is none.
        lowest, highest: the possible values end here, and so do intervals; None where they do not
            end, and in records of early releases.

    Raises:
        ValueError: the name is no name of a metric, the ideal is not better than the worst, or one of
            them is no possible value.
    """

    name: str
    unit: str
    better: Better
    ideal: float
    worst: float
    about: str
    source: str = ""
    lowest: float | None = None
    highest: float | None = None

    def __post_init__(self) -> None:
        parse(self.name)
        if not self.cost(self.ideal) < self.cost(self.worst):
            raise ValueError(
                f"the ideal of {self.name} must be better than its worst, "
                f"but got {self.ideal=}, {self.worst=}, {self.better=}."
            )
        low = -math.inf if self.lowest is None else self.lowest
        high = math.inf if self.highest is None else self.highest
        if not all(low <= value <= high for value in (self.ideal, self.worst)):
            raise ValueError(
                f"the ideal and the worst of {self.name} must lie between its lowest and its highest "
                f"value, but got {self.ideal=}, {self.worst=}, {self.lowest=}, {self.highest=}."
            )

    @property
    def bounds(self) -> Bounds:
        """The lowest and the highest possible value; None where there is none."""
        return self.lowest, self.highest

    def cost(self, value: float) -> float:
        """Return a number to minimise, in the metric's own unit.

        lower: value. higher: −value. nearer: |value − ideal|.
        """
        match self.better:
            case "lower":
                return value
            case "higher":
                return -value
            case "nearer":
                return abs(value - self.ideal)

    def value_of(self, cost: float) -> float | None:
        """Return the value that has a cost; None if its side of the ideal is not known.

        It is the inverse of `cost`.
        """
        match self.better:
            case "lower":
                return cost
            case "higher":
                return -cost
            case "nearer":
                return None if cost else self.ideal

    def share(self, value: float) -> float:
        """Return the cost of a value on a scale where the ideal is 0 and the worst is 1.

        A value better than the ideal is below 0, one worse than the worst above 1.
        """
        ideal, worst = self.cost(self.ideal), self.cost(self.worst)
        return (self.cost(value) - ideal) / (worst - ideal)

    def at(self, alpha: float) -> "Metric":
        """Return the declaration of this metric for the weights at α.

        α = 0 is the base model and 1 the trained one. Only the name differs.
        """
        return replace(self, name=fused_name(self.name, alpha))

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes as a dictionary from which ``Metric(**…)`` is made again."""
        return asdict(self)


def wins(score: float, other: float) -> float:
    """Return 1.0 if the score is higher than the other, else 0.0, also in a tie; NaN if either is NaN.

    A plain ``>`` is False for NaN, and a diverged model would look like a measured one.
    """
    return math.nan if math.isnan(score) or math.isnan(other) else float(score > other)


@lru_cache(maxsize=1000)  # each of the thousands of trials of a large spec is asked for its metrics
def declare(
    dataset: str, *rows: tuple[str, str, Better, float, float, Bounds, str], source: str = ""
) -> tuple[Metric, ...]:
    """Return the metrics of one dataset, each given as a row.

    Args:
        dataset: ``family/dataset``, the beginning of every name.
        rows: (quantity, unit, better, ideal, worst, bounds, about) of each metric; bounds are the
            lowest and the highest possible value, None where there is none.
        source: the publication that defines all of them.

    Raises:
        ValueError: as Metric.
    """
    return tuple(
        Metric(f"{dataset}/{quantity}", unit, better, ideal, worst, about, source, *bounds)
        for quantity, unit, better, ideal, worst, bounds, about in rows
    )
