"""Negative preference optimisation: DPO with the rejected side alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from trainables.data.comparisons import Comparison
from trainables.objectives.base import Objective, Side

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.models.joint_forward import PairPredictions
    from trainables.models.language_model import LanguageModel


class Npo(Objective):
    """−weight · (2 / β) · mean over pairs of log σ(−β (ℓ(x⁻) − ℓ₀(x⁻))), x⁻ the stereotype, in nats.

    ℓ₀ is the frozen base's. (2 / β) log 2 at the base, falls as stereotypes become less likely than
    they were, never below 0. β → 0 is gradient ascent. ℓ is summed over the sentence's tokens; a
    mean (per: token) makes the same β act as one smaller by their number. For masked models ℓ is that
    of the tokens in which the twins differ. No text is learnt but what is replayed.

    Source: Zhang et al. 2024 (arXiv 2404.05868), equation 3.
    """

    compares: ClassVar[Comparison] = "sentences"
    uses_base: ClassVar[bool] = True

    name: Literal["npo"] = "npo"
    weight: float = Field(1.0, ge=0)
    beta: float = Field(0.1, gt=0)
    per: Literal["sentence", "token"] = "sentence"

    @property
    def trains_on(self) -> tuple[Side, ...]:
        return ()

    def pair_loss(self, model: LanguageModel, pairs: PairPredictions) -> Tensor:
        stereotype = pairs.stereotype
        gain_P = stereotype.log_likelihood(self.per) - stereotype.base_log_likelihood(self.per)
        return self.weight * self.penalty(gain_P).mean()

    def penalty(self, gain_P: Tensor) -> Tensor:
        """Of each pair, by how much its stereotype has become likelier, before the weight."""
        from torch.nn.functional import logsigmoid

        return -2 / self.beta * logsigmoid(-self.beta * gain_P)
