"""What a measured number means: its unit, its ideal, and which way is better.

Standard library only, so that the analysis reads old sweeps without torch. A direction alone is not
enough: the ideal of a stereotype score is 50, so what is traded off is the distance from 50.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

FAMILIES = ("bias", "forgetting", "task", "cost")
SHORTFALL = "cost/replay/shortfall"  # texts that the ratio asks for and the set does not have
DEGENERATE = "forgetting/guard/degenerate"  # 1 = debiased because broken, past the trial's guard
RELATIVE = ("_rise", "_drop")  # how the names of metrics against the base model end
ERROR = "se/"  # before a metric's name: its standard error, in a group of its own
FUSION = "fusion/"  # before α and a metric's name: what weights on the line from the base are at α
Better = Literal["lower", "higher", "nearer"]


@dataclass(frozen=True)
class Metric:
    """A number that a trial reports, declared beside the code that computes it.

    name:   ``family/dataset/quantity``; MLflow groups its charts by the part before the first ``/``.
            At another α than the trial's own it is ``fusion/α/family/dataset/quantity``.
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
        family, *rest = plain_name(self.name).split("/")
        if family not in FAMILIES or len(rest) != 2 or not all(rest):
            raise ValueError(
                f"a metric is named family/dataset/quantity with a family of {', '.join(FAMILIES)}, "
                f"but got {self.name!r}."
            )
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


def fused_name(name: str, alpha: float) -> str:
    """Of a metric at α.

    >>> fused_name("bias/stereoset/gap", 0.25)
    'fusion/0.25/bias/stereoset/gap'
    """
    return f"{FUSION}{alpha:g}/{name}"


def plain_name(name: str) -> str:
    """Of a metric, at whatever α.

    >>> plain_name("fusion/0.25/bias/stereoset/gap"), plain_name("bias/stereoset/gap")
    ('bias/stereoset/gap', 'bias/stereoset/gap')
    """
    return name.split("/", 2)[-1] if name.startswith(FUSION) else name


def fused_alphas(names: Iterable[str]) -> list[float]:
    """Each α > 0 that metrics of these names are at; 0 is the base model, whatever was trained."""
    found = {float(name.split("/")[1]) for name in names if name.startswith(FUSION)}
    return sorted(found - {0.0})


def at_alpha(values: Mapping[str, Any], alpha: float) -> dict[str, Any]:
    """What a trial found at α, under plain names; what is not of its weights (cost, …) remains.

    >>> found = {"task/x/y": 0.9, "se/task/x/y": 0.1, "fusion/0.5/task/x/y": 0.8, "cost/x/y": 7}
    >>> at_alpha(found, 0.5)
    {'cost/x/y': 7, 'task/x/y': 0.8}
    """
    of_weights = (*(family for family in FAMILIES if family != "cost"), FUSION.rstrip("/"))
    found = {
        name: value
        for name, value in values.items()
        if name.removeprefix(ERROR).partition("/")[0] not in of_weights
    }
    for before in ("", ERROR):
        at = before + fused_name("", alpha)
        found |= {
            before + name.removeprefix(at): value
            for name, value in values.items()
            if name.startswith(at)
        }
    return found


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
