"""RecAdam: a pull of the weights to the base that fades while the optimiser's update grows."""

import math
from typing import ClassVar, Literal

from pydantic import Field

from trainables.regularisers.base import Pull, Regulariser

# Of the authors' optimiser: the ε that is added to √v, before the correction of v for its start at 0.
EPSILON = 1e-6
BETA_2 = 0.999  # AdamW's, by which v is corrected


class RecAdam(Regulariser):
    """Three changes of the weights θ at step t = 1, 2, …, one after another:

    θ ← θ − lr · λ(t) · m̂ / (√v̂ + ε(t))               Adam's update
    θ ← θ − lr · (1 − λ(t)) · strength · (θ − θ₀)     the pull to the base weights θ₀
    θ ← θ − lr · weight_decay · θ

    λ(t) = σ(rate · (t − midpoint)) grows from 0 to 1 over the steps. At first the pull outweighs the
    training loss; at step `midpoint` λ = ½. Nothing is added to the loss: the pull is decoupled, like
    weight decay. ε(t) = 1e-6 / √(1 − 0.999ᵗ), as the authors add 1e-6 to √v before its correction.

    Source: Chen et al. 2020 (arXiv 2004.12651), with the authors' optimiser: its steps, its ε and its
    order; strength 5000 as there. They tried rates in {.05, .1, .2, .5, 1} and midpoints in {100, 250,
    500, 1000}. Deviations: in one step a weight goes back to θ₀ at most, never past it; weight decay is
    that of the trial, which acts on biases and norms, too.
    """

    holds_weights: ClassVar[bool] = True

    name: Literal["recadam"] = "recadam"
    rate: float = Field(0.1, gt=0)
    midpoint: int = Field(250, ge=0, description="step; a much shorter trial stays near the base")
    strength: float = Field(5000.0, ge=0)

    def pull_to_base(self, step: int) -> Pull:
        """Return λ(step), (1 − λ(step)) · strength and ε(step)."""
        factor = (1 + math.tanh(self.rate * (step - self.midpoint) / 2)) / 2  # never overflows
        epsilon = EPSILON / math.sqrt(1 - BETA_2**step)
        return Pull(factor, (1 - factor) * self.strength, epsilon)
