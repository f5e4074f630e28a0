"""Unlikelihood: train on the anti-stereotype and lower the stereotype's own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from trainables.data.comparisons import Comparison
from trainables.objectives.base import Objective, Side

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.models.joint_forward import PairPredictions
    from trainables.models.language_model import LanguageModel

MIN_COMPLEMENT = 1e-5  # the least 1 − p, as in the authors' code


class Unlikelihood(Objective):
    """NLL(x⁺) + weight · mean over pairs of Σ_t −log max(1 − p(t), 1e-5), in nats.

    x⁺ is the anti-stereotype. The sum is over the tokens t of the stereotype x⁻ that x⁺ does not
    have, each predicted at its place in x⁻. The first term is the language-modelling loss of the
    step's texts. The second is zero where p(t) = 0 for all t, never below 0, and at most 11.5 a token.
    Where p(t) is above 1 − 1e-5 it has no gradient.

    Source: Welleck et al. 2019 (arXiv 1908.04319). Deviation: the negative candidates are the tokens
    in which a stereotype differs from its twin.
    """

    compares: ClassVar[Comparison] = "differing"

    name: Literal["unlikelihood"] = "unlikelihood"
    weight: float = Field(1.0, ge=0)

    @property
    def trains_on(self) -> tuple[Side, ...]:
        """The anti-stereotype of each pair."""
        return ("antistereotype",)

    def pair_loss(self, model: LanguageModel, pairs: PairPredictions) -> Tensor:
        """Return the second term, the weighted mean of the sums over pairs: a scalar in nats."""
        penalty_N = self.penalty(pairs.stereotype.token_log_prob_N)
        return self.weight * pairs.stereotype.by_row(penalty_N, "sentence").mean()

    def penalty(self, log_prob_N: Tensor) -> Tensor:
        """Return −log max(1 − p, 1e-5) of each token, before the weight: shape N, in nats.

        log_prob_N: log p of each token.
        """
        return -(-log_prob_N.expm1()).clamp(min=MIN_COMPLEMENT).log()
