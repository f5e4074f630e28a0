"""Simple NPO: negative preference optimisation without the base model."""

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
    """−weight · (2 / β) · mean over pairs of log σ(β (NLL(x⁻) − δ)), in nats per token.

    x⁻ is the stereotype, NLL the mean over its tokens. It is (2 / β) log 2 at NLL = δ, falls as
    stereotypes become less likely, and is never below 0. β δ is the paper's margin γ. Replayed texts
    are the only ones that the model trains on.

    Source: Fan et al. 2024 (arXiv 2410.07163); β 4.5 and δ 0 as in open-unlearning.
    """

    compares: ClassVar[Comparison] = "sentences"

    name: Literal["simnpo"] = "simnpo"
    weight: float = Field(1.0, ge=0)
    beta: float = Field(4.5, gt=0)
    delta: float = Field(0.0, ge=0, description="nats per token")

    @property
    def trains_on(self) -> tuple[Side, ...]:
        """Return an empty tuple: the model trains on no text, it only compares the texts of pairs."""
        return ()

    def pair_loss(self, model: LanguageModel, pairs: PairPredictions) -> Tensor:
        """Return the weighted mean penalty over pairs: a scalar in nats per token."""
        nll_P = -pairs.stereotype.log_likelihood("token")
        return self.weight * self.penalty(nll_P).mean()

    def penalty(self, nll_P: Tensor) -> Tensor:
        """Return −(2 / β) log σ(β (nll − δ)) of each pair, before the weight: shape P.

        nll_P: NLL of each pair's stereotype, in nats per token.
        """
        from torch.nn.functional import logsigmoid

        return -2 / self.beta * logsigmoid(self.beta * (nll_P - self.delta))
