"""Gradient difference: unlearn the stereotype while training on the anti-stereotype."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from trainables.data.comparisons import Comparison
from trainables.objectives.base import Objective, Side
from trainables.objectives.gradient_ascent import GradientAscent

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.models.joint_forward import PairPredictions
    from trainables.models.language_model import LanguageModel


class GradientDifference(Objective):
    """NLL(anti-stereotype) − weight · mean over pairs of min(NLL(stereotype), until).

    In nats per token. The first term is the language-modelling loss of the step's texts, replayed
    ones included. The second is gradient_ascent with its guard `until`, without which the loss has no
    lower bound.

    Source: Liu et al. 2022 (arXiv 2203.12817); forget and retain terms of equal weight as in Maini
    et al. 2024 (TOFU, arXiv 2401.06121).
    """

    compares: ClassVar[Comparison] = "sentences"

    name: Literal["gradient_difference"] = "gradient_difference"
    weight: float = Field(1.0, ge=0)
    until: float = Field(
        10.0, gt=0, description="nats per token; a uniform guess has the log of the vocabulary"
    )

    @property
    def trains_on(self) -> tuple[Side, ...]:
        """The anti-stereotype of each pair."""
        return ("antistereotype",)

    def pair_loss(self, model: LanguageModel, pairs: PairPredictions) -> Tensor:
        """Return the second term of the loss, that of gradient_ascent: a scalar in nats per token."""
        return GradientAscent(weight=self.weight, until=self.until).pair_loss(model, pairs)
