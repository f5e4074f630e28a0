"""What follows from several evaluators together: how selective forgetting was, and what is broken."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from trainables.metrics.metric import Metric, declare
from trainables.metrics.names import DEGENERATE
from trainables.schema.strict import Strict

if TYPE_CHECKING:
    from trainables.metrics.estimate import Estimate

GENERAL = "forgetting/general/nll_rise"
(SELECTIVITY,) = declare(
    "forgetting/selective",
    (
        *("selectivity_rise", "nats/token", "higher", 2.0, -2.0),
        "NLL rise on stereotypes beyond that on general text",
    ),
)
GUARD = Metric(
    DEGENERATE, "", "lower", 0.0, 1.0, "1 if language has collapsed past the trial's guard"
)


class Guard(Strict):
    """The bounds past which a candidate is flagged as degenerate: debiased because broken.

    A model that has lost its language prefers no stereotype, and looks fair. It is flagged in its
    metrics and in every table, and stays where it is: hiding it would be a choice of its own.

    lms_drop: points of StereoSet's LMS lost (CDA costs BERT about 7; LMS 50 is guessing).
    nll_rise: nats per token on general text (1 = perplexity × 2.7).
    """

    lms_drop: float = Field(20.0, gt=0)
    nll_rise: float = Field(1.0, gt=0)

    def bounds(self, names: Collection[str]) -> dict[str, float]:
        """Bound of each watched metric among these."""
        limits = {"lms_drop": self.lms_drop, "general/nll_rise": self.nll_rise}
        return {
            name: limit
            for name in names
            for ending, limit in limits.items()
            if name.startswith("forgetting/") and name.endswith(f"/{ending}")
        }


def derived_metrics(names: Collection[str], guard: Guard) -> tuple[Metric, ...]:
    """What `derive` finds, where metrics of these names are measured."""
    selective = (SELECTIVITY,) if GENERAL in names and _stereotypes(names) else ()
    return selective + ((GUARD,) if guard.bounds(names) else ())


def derive(found: Mapping[str, Estimate], guard: Guard) -> dict[str, Estimate]:
    """selectivity: S_NLL − F_NLL, above 0 where stereotypes were forgotten and language was not.

    degenerate: 1 if any watched metric is past its bound, else 0; NaN where one is NaN.
    """
    from trainables.metrics.estimate import Estimate, delta_method

    derived: dict[str, Estimate] = {}
    for metric in derived_metrics(found, guard):
        if metric is SELECTIVITY:
            stereotypes, general = found[_stereotypes(found)[0]], found[GENERAL]
            derived[metric.name] = delta_method(
                stereotypes.value - general.value, (1.0, stereotypes), (-1.0, general)
            )
        else:
            watched = [(found[name].value, limit) for name, limit in guard.bounds(found).items()]
            past = float(any(value > limit for value, limit in watched))
            unknown = any(math.isnan(value) for value, _ in watched)
            derived[metric.name] = Estimate(math.nan if unknown else past)
    return derived


def _stereotypes(names: Collection[str]) -> list[str]:
    return [
        name
        for name in names
        if name.startswith("forgetting/") and name.endswith("/stereotype_nll_rise")
    ]
