"""Metrics computed from those of several evaluators: selective forgetting, and broken models."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

from pydantic import Field

from trainables.metrics.metric import Metric
from trainables.metrics.names import DEGENERATE, parse
from trainables.schema.strict import Strict

if TYPE_CHECKING:
    from trainables.metrics.estimate import Estimate

GENERAL = "nll_rise"  # on any set of general text
STEREOTYPES = "stereotype_nll_rise"  # on any set of stereotypes
SELECTIVITY = Metric(
    "forgetting/selective/selectivity_rise",
    *("nats/token", "higher", 2.0, -2.0),
    "NLL rise on stereotypes beyond that on general text",
)
GUARD = Metric(
    *(DEGENERATE, "", "lower", 0.0, 1.0, "1 if language has collapsed past the trial's guard"),
    lowest=0.0,
    highest=1.0,
)


class Guard(Strict):
    """The bounds past which a candidate is flagged as degenerate: debiased because it is broken.

    A model that has lost its language prefers no stereotype, and looks fair. It is flagged in its
    metrics and in every table. It stays in the front, because hiding it would be a choice for the
    user to make.

    Attributes:
        lms_drop: points of StereoSet's LMS lost (CDA costs BERT about 7; LMS 50 is guessing).
        nll_rise: nats per token on general text (1 = perplexity × 2.7).
    """

    lms_drop: float = Field(20.0, gt=0)
    nll_rise: float = Field(1.0, gt=0)

    def bounds(self, names: Collection[str]) -> dict[str, float]:
        """Return the bound of each metric, among the given names, that the guard watches."""
        limits = {GENERAL: self.nll_rise, "lms_drop": self.lms_drop}
        return {
            name: limit
            for quantity, limit in limits.items()
            for name in _forgotten(names, quantity)
        }


def derived_metrics(names: Collection[str], guard: Guard) -> tuple[Metric, ...]:
    """Return the declarations of the metrics that `derive` computes from metrics of these names."""
    return (
        *(metric for metric, _ in _selectivities(names)),
        *([GUARD] if guard.bounds(names) else []),
    )


def derive(estimates: Mapping[str, Estimate], guard: Guard) -> dict[str, Estimate]:
    """Return the metrics that follow from the measured ones, as far as those are there.

    selectivity_rise: S_NLL − F_NLL in nats per token: the NLL rise on stereotypes minus that on
        general text. Above 0, stereotypes were forgotten and language was not. There is one for each
        set of stereotypes with each of general text, named by those of which there are several.
    degenerate: 1 if any watched metric is past its bound, else 0; NaN if one of them is NaN.

    Args:
        estimates: the measured metrics by name.
        guard: the bounds of `degenerate`.
    """
    from trainables.metrics.estimate import Estimate, delta_method

    derived: dict[str, Estimate] = {}
    for metric, names in _selectivities(estimates):
        stereotypes, general = (estimates[name] for name in names)
        derived[metric.name] = delta_method(
            stereotypes.value - general.value, (1.0, stereotypes), (-1.0, general)
        )
    if bounds := guard.bounds(estimates):
        is_past = float(any(estimates[name].value > limit for name, limit in bounds.items()))
        is_unknown = any(math.isnan(estimates[name].value) for name in bounds)
        derived[GUARD.name] = Estimate(math.nan if is_unknown else is_past)
    return derived


def _selectivities(names: Collection[str]) -> list[tuple[Metric, tuple[str, str]]]:
    """Return each selectivity with the names of the NLL rises on stereotypes and on general text.

    >>> rises = ["forgetting/stereoset/stereotype_nll_rise"]
    >>> rises += ["forgetting/news/nll_rise", "forgetting/mails/nll_rise"]
    >>> [metric.name for metric, _ in _selectivities(rises)]
    ['forgetting/selective_news/selectivity_rise', 'forgetting/selective_mails/selectivity_rise']
    """
    stereotypes, general = _forgotten(names, STEREOTYPES), _forgotten(names, GENERAL)
    metrics = []
    for pair in product(stereotypes, general):
        sets = [
            parse(name).dataset
            for name, of_kind in zip(pair, (stereotypes, general), strict=True)
            if len(of_kind) > 1
        ]
        dataset = "_".join(["selective", *sets])
        name = f"forgetting/{dataset}/selectivity_rise"
        metrics.append((replace(SELECTIVITY, name=name), pair))
    return metrics


def _forgotten(names: Iterable[str], quantity: str) -> list[str]:
    """Return those of the names that are this quantity of forgetting, on any set, in their order."""
    return [
        name
        for name in names
        if (parts := parse(name)).family == "forgetting" and parts.quantity == quantity
    ]
