"""RecAdam: a pull of the weights to the base that fades while the optimiser's update grows."""

import math
from typing import ClassVar, Literal

from pydantic import Field

from trainables.regularisers.base import Regulariser


class RecAdam(Regulariser):
    """θ ← θ − lr · λ(t) · update − lr · (1 − λ(t)) · strength · (θ − θ₀) at step t.

    λ(t) = σ(rate · (t − midpoint)) grows from 0 to 1 over the steps. At first the pull to the base
    weights θ₀ outweighs the training loss; at step `midpoint` λ = ½. Nothing is added to the loss: the
    pull is applied after the optimiser's update (decoupled, like AdamW's weight decay). In one step a
    weight goes back to θ₀ at most, never past it.

    Source: Chen et al. 2020 (arXiv 2004.12651); strength 5000 as in the authors' code. They tried rates
    in {.05, .1, .2, .5, 1} and midpoints in {100, 250, 500, 1000}.
    """

    holds_weights: ClassVar[bool] = True

    name: Literal["recadam"] = "recadam"
    rate: float = Field(0.1, gt=0)
    midpoint: int = Field(250, ge=0, description="step; a much shorter trial stays near the base")
    strength: float = Field(5000.0, ge=0)

    def pull_to_base(self, step: int) -> tuple[float, float]:
        """Return (λ(step), (1 − λ(step)) · strength)."""
        factor = (1 + math.tanh(self.rate * (step - self.midpoint) / 2)) / 2  # never overflows
        return factor, (1 - factor) * self.strength
