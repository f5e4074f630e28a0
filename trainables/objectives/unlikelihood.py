"""Learn the anti-stereotype, and make the stereotype's own words unlikely."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from trainables.data.comparisons import Comparison
from trainables.objectives.base import Objective, Side

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.models.joint_forward import PairPredictions
    from trainables.models.language_model import LanguageModel

LEAST = 1e-5  # of 1 − p, as in the authors' code


class Unlikelihood(Objective):
    """NLL(x⁺) + weight · mean over pairs of Σ −log max(1 − p(t), 1e-5), in nats,

    over the tokens t of the stereotype x⁻ that its twin x⁺ does not have, where x⁻ has them. The
    first is the language-modelling loss of the step's texts. The second is zero where no such token
    is expected at all, never below, and at most 11.5 a token; where p is 1 to within 1e-5 it gives
    no gradient.

    Source: Welleck et al. 2019 (arXiv 1908.04319), the twin's tokens being the
    candidates.
    """

    compares: ClassVar[Comparison] = "differing"

    name: Literal["unlikelihood"] = "unlikelihood"
    weight: float = Field(1.0, ge=0)

    @property
    def trains_on(self) -> tuple[Side, ...]:
        return ("antistereotype",)

    def pair_loss(self, model: LanguageModel, pairs: PairPredictions) -> Tensor:
        found_N = self.penalty(pairs.stereotype.token_log_prob_N)
        return self.weight * pairs.stereotype.by_row(found_N, "sentence").mean()

    def penalty(self, log_prob_N: Tensor) -> Tensor:
        """−log(1 − p) of each token, before the weight."""
        return -(-log_prob_N.expm1()).clamp(min=LEAST).log()
