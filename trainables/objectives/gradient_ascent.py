"""Gradient ascent: unlearn the stereotype by raising its loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from trainables.data.comparisons import Comparison
from trainables.objectives.base import Objective, Side

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.models.joint_forward import PairPredictions
    from trainables.models.language_model import LanguageModel


class GradientAscent(Objective):
    """−weight · mean over pairs of min(NLL(stereotype), until), in nats per token.

    Without a guard it has no lower bound, and training would go on until language is gone. `until` is
    the guard: a stereotype whose NLL is beyond it has no gradient, and the loss is at least
    −weight · until. Replayed texts are the only ones that the model trains on.

    Source: Jang et al. 2022 (arXiv 2210.01504), with the mean over tokens as in Maini et al. 2024
    (TOFU, arXiv 2401.06121).
    """

    compares: ClassVar[Comparison] = "sentences"

    name: Literal["gradient_ascent"] = "gradient_ascent"
    weight: float = Field(1.0, ge=0)
    until: float = Field(
        10.0, gt=0, description="nats per token; a uniform guess has the log of the vocabulary"
    )

    @property
    def trains_on(self) -> tuple[Side, ...]:
        """Return an empty tuple: the model trains on no text, it only compares the texts of pairs."""
        return ()

    def pair_loss(self, model: LanguageModel, pairs: PairPredictions) -> Tensor:
        """Return the negated, weighted mean NLL of the stereotypes: a scalar in nats per token."""
        nll_P = -pairs.stereotype.log_likelihood("token")
        return -self.weight * nll_P.clamp(max=self.until).mean()
