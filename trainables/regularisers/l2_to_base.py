"""L2-SP: a quadratic penalty on the distance of the weights from the base."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from trainables.regularisers.base import Regulariser

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.models.language_model import LanguageModel


class L2ToBase(Regulariser):
    """(weight / 2) · Σ (θ − θ₀)², over all trained weights.

    θ₀ are the base weights. Zero there, never below 0, unbounded above; the gradient is
    weight · (θ − θ₀). In bf16 both θ and θ₀ are rounded, so a change below their spacing is not seen.

    Source: Li et al. 2018, "Explicit inductive bias for transfer learning" (arXiv 1802.01483), the
    L2-SP penalty. Deviation: without its second term, as there is no new head.
    """

    holds_weights: ClassVar[bool] = True

    name: Literal["l2_to_base"] = "l2_to_base"
    weight: float = Field(0.1, ge=0)

    def weight_loss(self, model: LanguageModel) -> Tensor:
        """Return half the weighted squared distance of the trained weights from the base: a scalar."""
        distances = [
            (weight.float() - base.float()).square().sum() for _, weight, base in model.trained()
        ]
        return self.weight / 2 * sum(distances[1:], distances[0])
