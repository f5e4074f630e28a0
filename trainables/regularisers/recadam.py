"""RecAdam: recall what was learnt before, and let go of it step by step."""

import math
from typing import ClassVar, Literal

from pydantic import Field

from trainables.regularisers.base import Regulariser


class RecAdam(Regulariser):
    """θ ← θ − lr · λ(t) · update − lr · (1 − λ(t)) · strength · (θ − θ₀).

    λ(t) = σ(rate · (t − midpoint)) grows from 0 to 1 over the steps t. Early on the pull back to
    the base outweighs the training loss; around step `midpoint` they change places. It acts on the
    optimiser, not on the loss (decoupled, like AdamW's weight decay, and after the update); the pull
    of one step is at most all the way back.

    Source: Chen et al. 2020 (arXiv 2004.12651); strength 5000 as in the authors' code, rate in
    {.05, .1, .2, .5, 1} and midpoint in {100, 250, 500, 1000} are what they tried.
    """

    holds_weights: ClassVar[bool] = True

    name: Literal["recadam"] = "recadam"
    rate: float = Field(0.1, gt=0)
    midpoint: int = Field(250, ge=0, description="step; of fewer steps the base is left by none")
    strength: float = Field(5000.0, ge=0)

    def pull_to_base(self, step: int) -> tuple[float, float]:
        factor = (1 + math.tanh(self.rate * (step - self.midpoint) / 2)) / 2  # never overflows
        return factor, (1 - factor) * self.strength
