"""Names of metrics: how they are put together, and what they tell.

    family/dataset/quantity             a metric of the trial's own model
    fusion/α/family/dataset/quantity    the same metric of the weights at α between the base model (0)
                                        and the trained one (1)
    se/NAME                             the standard error of either

MLflow groups its charts by the part before the first ``/``. Standard library only, so that the
analysis reads old sweeps without torch. No other file puts these names together or takes them apart.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

COST = "cost"  # the family of what does not depend on the trained weights
FAMILIES = ("bias", "forgetting", "task", COST)
SHORTFALL = "cost/replay/shortfall"  # texts that the ratio asks for and the set does not have
DEGENERATE = "forgetting/guard/degenerate"  # 1 = debiased because broken, past the trial's guard
RELATIVE = ("_rise", "_drop")  # how the names of metrics against the base model end
ERROR = "se/"
FUSION = "fusion/"
TRAINED = 1.0  # α of the model as it was trained, which a trial has unless it says otherwise


class MetricName(NamedTuple):
    """The three parts of a metric's name."""

    family: str
    dataset: str
    quantity: str


def parse(name: str) -> MetricName:
    """Return the parts of a metric's name, at whatever α.

    >>> parse("fusion/0.25/bias/stereoset/gap")
    MetricName(family='bias', dataset='stereoset', quantity='gap')

    Raises:
        ValueError: it is not the name of a metric.
    """
    family, *rest = plain_name(name).split("/")
    if family not in FAMILIES or len(rest) != 2 or not all(rest):
        raise ValueError(
            f"a metric is named family/dataset/quantity with a family of {', '.join(FAMILIES)}, "
            f"but got {name!r}."
        )
    return MetricName(family, *rest)


def error_name(name: str) -> str:
    """Return the name of a metric's standard error.

    >>> error_name("bias/stereoset/gap")
    'se/bias/stereoset/gap'
    """
    return f"{ERROR}{name}"


def metric_of_error(name: str) -> str | None:
    """Return the name of the metric whose standard error has this name; None if it is no error.

    >>> metric_of_error("se/bias/stereoset/gap"), metric_of_error("bias/stereoset/gap")
    ('bias/stereoset/gap', None)
    """
    return name.removeprefix(ERROR) if name.startswith(ERROR) else None


def fused_name(name: str, alpha: float) -> str:
    """Return the name of a metric at α.

    >>> fused_name("bias/stereoset/gap", 0.25)
    'fusion/0.25/bias/stereoset/gap'
    """
    return f"{FUSION}{alpha:g}/{name}"


def plain_name(name: str) -> str:
    """Return the name of a metric without its ``fusion/α/``, if it has one.

    >>> plain_name("fusion/0.25/bias/stereoset/gap"), plain_name("bias/stereoset/gap")
    ('bias/stereoset/gap', 'bias/stereoset/gap')
    """
    return name.split("/", 2)[-1] if name.startswith(FUSION) else name


def is_fused(name: str) -> bool:
    """Return whether this is a metric at another α, or the standard error of one.

    >>> is_fused("se/fusion/0.25/bias/stereoset/gap"), is_fused("se/bias/stereoset/gap")
    (True, False)
    """
    return name.removeprefix(ERROR).startswith(FUSION)


def fused_alphas(names: Iterable[str]) -> list[float]:
    """Return each α > 0 among the names of metrics; 0 is the base model, whatever was trained."""
    alphas = {float(name.split("/")[1]) for name in names if name.startswith(FUSION)}
    return sorted(alphas - {0.0})


def at_alpha(values: Mapping[str, Any], alpha: float) -> dict[str, Any]:
    """Return what a trial measured at α, by plain name, and all that has no α (cost, parameters, …).

    >>> values = {"task/x/y": 0.9, "se/task/x/y": 0.1, "fusion/0.5/task/x/y": 0.8, "cost/x/y": 7}
    >>> at_alpha(values, 0.5)
    {'cost/x/y': 7, 'task/x/y': 0.8}
    """
    of_weights = (*(family for family in FAMILIES if family != COST), FUSION.rstrip("/"))
    there = {
        name: value
        for name, value in values.items()
        if name.removeprefix(ERROR).partition("/")[0] not in of_weights
    }
    for before in ("", ERROR):
        at = before + fused_name("", alpha)
        there |= {
            before + name.removeprefix(at): value
            for name, value in values.items()
            if name.startswith(at)
        }
    return there


def other_candidates(
    values: Mapping[str, Any], own: float | None = None
) -> dict[float, dict[str, Any]]:
    """Return what a trial measured of each candidate beside its own model: α -> `at_alpha`.

    0 is none of them, since that is the base model, whatever was trained.

    own: the α of the trial's own model, which is none either; None where the values are not those of
         one trial.

    >>> values = {"task/x/y": 0.9, "fusion/0/task/x/y": 0.5, "fusion/0.5/task/x/y": 0.8}
    >>> other_candidates(values, own=1.0), other_candidates(values, own=0.5)
    ({0.5: {'task/x/y': 0.8}}, {})
    """
    return {alpha: at_alpha(values, alpha) for alpha in fused_alphas(values) if alpha != own}
