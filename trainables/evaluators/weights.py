"""Distance of the weights from the base: a diagnosis, which explains forgetting poorly."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from trainables.evaluators.base import Evaluator
from trainables.metrics import bounds
from trainables.metrics.metric import Metric, declare

if TYPE_CHECKING:
    from trainables.metrics.estimate import Estimate
    from trainables.models.language_model import LanguageModel


class Weights(Evaluator):
    """Distance of the weights θ from the base θ₀, relative to its length: ‖θ − θ₀‖₂ / ‖θ₀‖₂.

    Over all weights together; 0 for the base model. It is exact, so it has no standard error. In bf16
    both θ and θ₀ are the rounded weights.
    """

    name: Literal["weights"] = "weights"

    def metrics(self, family: str) -> tuple[Metric, ...]:
        """Declare the distance."""
        return declare(
            "forgetting/weights",
            ("distance_rise", "", "lower", 0.0, 1.0, bounds.NOT_NEGATIVE, "‖θ − θ₀‖ / ‖θ₀‖"),
        )

    def data_digest(self) -> str:
        """Return the sha256 of a constant, as it reads no data."""
        return hashlib.sha256(b"no data").hexdigest()

    def items(self) -> tuple[str, ...]:
        """Return a tuple of one item, `weights`, since the metric is one number of all weights."""
        return ("weights",)

    def measure(self, model: LanguageModel, base: Mapping[str, Estimate]) -> dict[str, Estimate]:
        """Return the relative distance of the model's weights from its base."""
        from trainables.metrics.estimate import Estimate

        distance = length = 0.0  # squared
        for _, weight, base_weight in model.weights():
            distance += float((weight.detach().float() - base_weight.float()).square().sum())
            length += float(base_weight.float().square().sum())
        return {"forgetting/weights/distance_rise": Estimate((distance / length) ** 0.5)}
