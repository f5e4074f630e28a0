"""What a measured number means: its unit, its ideal, and which way is better.

Standard library only, so that the analysis reads old sweeps without torch. A direction alone is not
enough: the ideal of a stereotype score is 50, so what is traded off is the distance from 50.
"""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from trainables.metrics.names import fused_name, parse

Better = Literal["lower", "higher", "nearer"]


@dataclass(frozen=True)
class Metric:
    """A number that a trial reports, declared beside the code that computes it.

    name:   ``family/dataset/quantity``, with ``fusion/α/`` before it at another α than the trial's
            own (trainables/metrics/names.py).
    better: ``lower``, ``higher``, or ``nearer`` (to the ideal, from both sides).
    ideal:  the value of a perfect model.
    worst:  the value beyond which nothing is lost any more; the reference point of hypervolumes.
    """

    name: str
    unit: str
    better: Better
    ideal: float
    worst: float
    about: str
    source: str = ""

    def __post_init__(self) -> None:
        parse(self.name)
        if not self.cost(self.ideal) < self.cost(self.worst):
            raise ValueError(
                f"the ideal of {self.name} must be better than its worst, "
                f"but got {self.ideal=}, {self.worst=}, {self.better=}."
            )

    def cost(self, value: float) -> float:
        """What is minimised: value, −value, or |value − ideal|, in the metric's own unit."""
        match self.better:
            case "lower":
                return value
            case "higher":
                return -value
            case "nearer":
                return abs(value - self.ideal)

    def share(self, value: float) -> float:
        """Cost on a scale where the ideal is 0 and the worst is 1 (better than ideal is below 0)."""
        ideal, worst = self.cost(self.ideal), self.cost(self.worst)
        return (self.cost(value) - ideal) / (worst - ideal)

    def at(self, alpha: float) -> "Metric":
        """The same of the weights at α between the base model (0) and the trained one (1)."""
        return replace(self, name=fused_name(self.name, alpha))

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def wins(score: float, other: float) -> float:
    """1 if the score is the higher one, else 0, a tie included; NaN where either is NaN.

    A plain ``>`` is False for NaN, and a diverged model would look like a measured one.
    """
    return math.nan if math.isnan(score) or math.isnan(other) else float(score > other)


def declare(
    dataset: str, *rows: tuple[str, str, Better, float, float, str], source: str = ""
) -> tuple[Metric, ...]:
    """Metrics of one ``family/dataset``: (quantity, unit, better, ideal, worst, about) of each."""
    return tuple(
        Metric(f"{dataset}/{quantity}", unit, better, ideal, worst, about, source)
        for quantity, unit, better, ideal, worst, about in rows
    )
