"""Make a stereotype and its twin equally likely."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, model_validator

from trainables.data.comparisons import Comparison
from trainables.objectives.base import Objective

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.models.joint_forward import PairPredictions
    from trainables.models.language_model import LanguageModel


class LikelihoodGap(Objective):
    """weight · mean over pairs of form(ℓ(stereotype) − ℓ(anti-stereotype)).

    ℓ is the log-likelihood in nats: per token of the sentence (per: token) or summed (per:
    sentence); for masked models that of the tokens in which the twins differ, all masked at once.
    form: square d², absolute |d|, or hinge max(0, d + margin), which only acts while the
    stereotype is the likelier one. Zero where the twins are equally likely (square, absolute);
    never below 0, unbounded above.

    Derived from StereoSet's ideal: a score of 50 is a gap of balanced sign.
    """

    compares: ClassVar[Comparison] = "sentences"

    name: Literal["likelihood_gap"] = "likelihood_gap"
    weight: float = Field(1.0, ge=0)
    form: Literal["square", "absolute", "hinge"] = "square"
    margin: float = Field(0.0, ge=0, description="nats; of the hinge alone")
    per: Literal["token", "sentence"] = "token"

    @model_validator(mode="after")
    def _margin_is_of_the_hinge(self) -> Self:
        if self.margin and self.form != "hinge":
            raise ValueError("margin is of form hinge alone; leave it out, or take that form")
        return self

    def pair_loss(self, model: LanguageModel, pairs: PairPredictions) -> Tensor:
        stereotype_P = pairs.stereotype.log_likelihood(self.per)
        antistereotype_P = pairs.antistereotype.log_likelihood(self.per)
        return self.weight * self.penalty(stereotype_P - antistereotype_P).mean()

    def penalty(self, gap_P: Tensor) -> Tensor:
        """form(gap) of each pair, before the weight."""
        match self.form:
            case "square":
                return gap_P.square()
            case "absolute":
                return gap_P.abs()
            case "hinge":
                return (gap_P + self.margin).clamp(min=0)
