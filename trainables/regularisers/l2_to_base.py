"""L2-SP: a spring from each weight to where it started."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from trainables.regularisers.base import Regulariser

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.models.language_model import LanguageModel


class L2ToBase(Regulariser):
    """(weight / 2) · Σ (θ − θ₀)², over all trained weights.

    Zero at the base weights, unbounded above; its gradient is weight · (θ − θ₀). In bf16 both
    are rounded, so moves below their spacing are not seen.

    Source: Li et al. 2018, "Explicit inductive bias for transfer learning" (arXiv 1802.01483),
    the L2-SP penalty without its second term (there is no new head).
    """

    holds_weights: ClassVar[bool] = True

    name: Literal["l2_to_base"] = "l2_to_base"
    weight: float = Field(0.1, ge=0)

    def weight_loss(self, model: LanguageModel) -> Tensor:
        distances = [
            (now.float() - start.float()).square().sum() for _, now, start in model.trained()
        ]
        return self.weight / 2 * sum(distances[1:], distances[0])
