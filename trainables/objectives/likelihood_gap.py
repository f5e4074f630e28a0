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
    """weight · mean over pairs of form(d), with d = ℓ(stereotype) − ℓ(anti-stereotype) in nats.

    ℓ is the log-likelihood: the mean over the tokens of the sentence (per: token) or their sum (per:
    sentence). For masked models it is that of the tokens in which the twins differ, masked together.
    form is

    square:   d², zero where the twins are equally likely;
    absolute: |d|, zero where the twins are equally likely;
    hinge:    max(0, d + margin), zero where the stereotype is less likely by at least the margin.

    Never below 0, unbounded above. It is added to the language-modelling loss of the texts as found.

    Derived from StereoSet's ideal: at a score of 50 gaps of either sign are equally frequent.
    """

    compares: ClassVar[Comparison] = "sentences"

    name: Literal["likelihood_gap"] = "likelihood_gap"
    weight: float = Field(1.0, ge=0)
    form: Literal["square", "absolute", "hinge"] = "square"
    margin: float = Field(0.0, ge=0, description="nats; form hinge only")
    per: Literal["token", "sentence"] = "token"

    @model_validator(mode="after")
    def _only_hinge_has_a_margin(self) -> Self:
        """Refuse a margin for the forms whose formula has none."""
        if self.margin and self.form != "hinge":
            raise ValueError(
                f"margin must be 0 for form {self.form}, but got {self.margin}: leave it out, or take "
                "form hinge"
            )
        return self

    def pair_loss(self, model: LanguageModel, pairs: PairPredictions) -> Tensor:
        """Return the weighted mean of form(d) over pairs: a scalar."""
        stereotype_P = pairs.stereotype.log_likelihood(self.per)
        antistereotype_P = pairs.antistereotype.log_likelihood(self.per)
        return self.weight * self.penalty(stereotype_P - antistereotype_P).mean()

    def penalty(self, gap_P: Tensor) -> Tensor:
        """Return form(d) of each pair, before the weight: shape P. gap_P: d of each pair, in nats."""
        match self.form:
            case "square":
                return gap_P.square()
            case "absolute":
                return gap_P.abs()
            case "hinge":
                return (gap_P + self.margin).clamp(min=0)
