"""How far the weights have moved: a diagnosis, which explains forgetting poorly."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from trainables.evaluators.base import Evaluator
from trainables.metrics.metric import Metric, declare

if TYPE_CHECKING:
    from trainables.metrics.estimate import Estimate
    from trainables.models.language_model import LanguageModel


class Weights(Evaluator):
    """‖θ − θ₀‖₂ / ‖θ₀‖₂ over all weights; exact, so without a standard error.

    0 for the base model. In bf16 both are the rounded weights.
    """

    name: Literal["weights"] = "weights"

    def metrics(self, family: str) -> tuple[Metric, ...]:
        return declare(
            "forgetting/weights",
            ("distance_rise", "", "lower", 0.0, 1.0, "‖θ − θ₀‖ / ‖θ₀‖"),
        )

    def data_digest(self) -> str:
        return hashlib.sha256(b"no data").hexdigest()

    def items(self) -> tuple[str, ...]:
        """All weights together."""
        return ("weights",)

    def texts(self) -> tuple[()]:
        return ()

    def measure(self, model: LanguageModel, base: Mapping[str, Estimate]) -> dict[str, Estimate]:
        from trainables.metrics.estimate import Estimate

        moved = start = 0.0
        for _, now, before in model.weights():
            moved += float((now.detach().float() - before.float()).square().sum())
            start += float(before.float().square().sum())
        return {"forgetting/weights/distance_rise": Estimate((moved / start) ** 0.5)}
