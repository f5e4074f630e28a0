"""NPO without a reference: the length-normalised likelihood alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from trainables.data.comparisons import Comparison
from trainables.objectives.base import Objective, Side

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.models.joint_forward import PairPredictions
    from trainables.models.language_model import LanguageModel


class SimNpo(Objective):
    """−weight · (2 / β) · mean over pairs of log σ(β (NLL(x⁻) − δ)), x⁻ the stereotype.

    NLL is in nats per token. Falls as stereotypes become unlikely, from (2 / β) log 2 at NLL = δ;
    never below 0. β δ is the paper's margin γ. No text is learnt but what is replayed.

    Source: Fan et al. 2024 (arXiv 2410.07163); β 4.5 and δ 0 as in open-unlearning.
    """

    compares: ClassVar[Comparison] = "sentences"

    name: Literal["simnpo"] = "simnpo"
    weight: float = Field(1.0, ge=0)
    beta: float = Field(4.5, gt=0)
    delta: float = Field(0.0, ge=0, description="nats per token")

    @property
    def trains_on(self) -> tuple[Side, ...]:
        return ()

    def pair_loss(self, model: LanguageModel, pairs: PairPredictions) -> Tensor:
        nll_P = -pairs.stereotype.log_likelihood("token")
        return self.weight * self.penalty(nll_P).mean()

    def penalty(self, nll_P: Tensor) -> Tensor:
        """Of each pair, before the weight."""
        from torch.nn.functional import logsigmoid

        return -2 / self.beta * logsigmoid(self.beta * (nll_P - self.delta))
