"""Negative preference optimisation: DPO of the rejected text alone."""

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
    """−weight · (2 / β) · mean over pairs of log σ(−β (ℓ(x⁻) − ℓ₀(x⁻))), in nats.

    x⁻ is the stereotype. ℓ is the log-likelihood under the model, ℓ₀ under the frozen base: the sum
    over the tokens of the sentence, or their mean (per: token), with which the same β acts like one
    divided by their number. For masked models ℓ is that of the tokens in which the twins differ.

    It is (2 / β) log 2 at the base, falls as stereotypes become less likely than there, and is never
    below 0. In the limit β → 0 it is gradient ascent. Replayed texts are the only ones that the model
    trains on.

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
        """Return an empty tuple: the model trains on no text, it only compares the texts of pairs."""
        return ()

    def pair_loss(self, model: LanguageModel, pairs: PairPredictions) -> Tensor:
        """Return the weighted mean penalty over pairs: a scalar in nats."""
        stereotype = pairs.stereotype
        rise_P = stereotype.log_likelihood(self.per) - stereotype.base_log_likelihood(self.per)
        return self.weight * self.penalty(rise_P).mean()

    def penalty(self, rise_P: Tensor) -> Tensor:
        """Return −(2 / β) log σ(−β · rise) of each pair, before the weight: shape P.

        rise_P: ℓ(x⁻) − ℓ₀(x⁻) of each pair, in nats.
        """
        from torch.nn.functional import logsigmoid

        return -2 / self.beta * logsigmoid(-self.beta * rise_P)
