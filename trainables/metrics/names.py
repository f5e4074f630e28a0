"""Names of metrics: put together and taken apart.

    family/dataset/quantity             a metric of the trial's own model
    fusion/α/family/dataset/quantity    the same metric of the weights at α between the base model (0)
                                        and the trained one (1)
    se/NAME                             the standard error of either
    df/NAME                             the degrees of freedom of that error; 0 where it is not known

MLflow groups its charts by the part before the first ``/``. This file needs the standard library
only, so that the analysis reads old sweeps without torch. What begins a name, ``fusion/α/``, ``se/``
or ``df/``, is put on and taken off here alone; the three parts are also joined where they are declared.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

COST = "cost"  # the family of metrics that do not depend on the trained weights
FAMILIES = ("bias", "forgetting", "task", COST)
SHORTFALL = "cost/replay/shortfall"  # texts that the replay ratio needs and the set lacks
DEGENERATE = "forgetting/guard/degenerate"  # 1 = the model is past a bound of the trial's guard
RELATIVE = ("_rise", "_drop")  # how the names of metrics against the base model end
ERROR = "se/"
DF = "df/"
FUSION = "fusion/"
TRAINED = 1.0  # α of the model as it was trained, the default of a trial


class MetricName(NamedTuple):
    """The three parts of a metric's name."""

    family: str
    dataset: str
    quantity: str


@lru_cache(maxsize=10_000)
def parse(name: str) -> MetricName:
    """Return family, dataset and quantity of a metric's name; its α, if it has one, is dropped.

    >>> parse("fusion/0.25/bias/stereoset/gap")
    MetricName(family='bias', dataset='stereoset', quantity='gap')

    Raises:
        ValueError: the name is not family/dataset/quantity with a known family.
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
    """Return the name of the metric that a standard error belongs to; None for other names.

    >>> metric_of_error("se/bias/stereoset/gap"), metric_of_error("bias/stereoset/gap")
    ('bias/stereoset/gap', None)
    """
    return name.removeprefix(ERROR) if name.startswith(ERROR) else None


def df_name(name: str) -> str:
    """Return the name of the degrees of freedom of a metric's standard error.

    >>> df_name("bias/stereoset/gap")
    'df/bias/stereoset/gap'
    """
    return f"{DF}{name}"


def metric_of_df(name: str) -> str | None:
    """Return the name of the metric that degrees of freedom belong to; None for other names.

    >>> metric_of_df("df/bias/stereoset/gap"), metric_of_df("se/bias/stereoset/gap")
    ('bias/stereoset/gap', None)
    """
    return name.removeprefix(DF) if name.startswith(DF) else None


def _metric_of(name: str) -> str:
    """Return the name of the metric that a value, a standard error or degrees of freedom belong to."""
    return metric_of_error(name) or metric_of_df(name) or name


def fused_name(name: str, alpha: float) -> str:
    """Return the name of a metric for the weights at α.

    >>> fused_name("bias/stereoset/gap", 0.25)
    'fusion/0.25/bias/stereoset/gap'
    """
    return f"{FUSION}{alpha:g}/{name}"


def plain_name(name: str) -> str:
    """Return the name of a metric without its prefix ``fusion/α/``, if it has one.

    >>> plain_name("fusion/0.25/bias/stereoset/gap"), plain_name("bias/stereoset/gap")
    ('bias/stereoset/gap', 'bias/stereoset/gap')
    """
    return name.split("/", 2)[-1] if name.startswith(FUSION) else name


def is_fused(name: str) -> bool:
    """Return whether a name is that of a metric at another α, or of the error of one or of its df.

    >>> is_fused("se/fusion/0.25/bias/stereoset/gap"), is_fused("se/bias/stereoset/gap")
    (True, False)
    """
    return _metric_of(name).startswith(FUSION)


def fused_alphas(names: Iterable[str]) -> list[float]:
    """Return each α > 0 that the names of metrics have, in ascending order, each once.

    α = 0 is the base model, which is the same for every trial.
    """
    alphas = {float(name.split("/")[1]) for name in names if name.startswith(FUSION)}
    return sorted(alphas - {0.0})


def at_alpha(values: Mapping[str, Any], alpha: float) -> dict[str, Any]:
    """Return the values of the model at α under plain names, and those that have no α.

    Args:
        values: the values of a trial by name: metrics, their standard errors and degrees of freedom,
            costs, parameters.
        alpha: that of another model than the trial's own. The trial's own metrics are left out.

    >>> values = {"task/x/y": 0.9, "se/task/x/y": 0.1, "fusion/0.5/task/x/y": 0.8, "cost/x/y": 7}
    >>> at_alpha(values, 0.5)
    {'cost/x/y': 7, 'task/x/y': 0.8}
    """
    families_of_weights = (*(family for family in FAMILIES if family != COST), FUSION.rstrip("/"))
    values_at_alpha = {
        name: value
        for name, value in values.items()
        if _metric_of(name).partition("/")[0] not in families_of_weights
    }
    for kind in ("", ERROR, DF):
        prefix = kind + fused_name("", alpha)
        values_at_alpha |= {
            kind + name.removeprefix(prefix): value
            for name, value in values.items()
            if name.startswith(prefix)
        }
    return values_at_alpha


def other_candidates(
    values: Mapping[str, Any], own: float | None = None
) -> dict[float, dict[str, Any]]:
    """Return the values of each candidate of a trial beside its own model: α -> `at_alpha`.

    α = 0 is no candidate: it is the base model, which is the same for every trial.

    Args:
        values: the values of a trial by name.
        own: the α of the trial's own model, which is left out; None to leave out none.

    >>> values = {"task/x/y": 0.9, "fusion/0/task/x/y": 0.5, "fusion/0.5/task/x/y": 0.8}
    >>> other_candidates(values, own=1.0), other_candidates(values, own=0.5)
    ({0.5: {'task/x/y': 0.8}}, {})
    """
    return {alpha: at_alpha(values, alpha) for alpha in fused_alphas(values) if alpha != own}
