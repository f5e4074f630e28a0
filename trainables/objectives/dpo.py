"""Prefer the anti-stereotype, as measured against the base model."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, model_validator

from trainables.data.comparisons import Comparison
from trainables.objectives.base import Objective, Side

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.models.joint_forward import PairPredictions
    from trainables.models.language_model import LanguageModel


class Dpo(Objective):
    """weight · mean over pairs of form(Δ), with x⁺ the anti-stereotype, x⁻ the stereotype and

    Δ = (ℓ(x⁺) − ℓ₀(x⁺)) − (ℓ(x⁻) − ℓ₀(x⁻)), in nats, ℓ₀ being the frozen base's.

    sigmoid: −(1 − ε) log σ(β Δ) − ε log σ(−β Δ), with ε = label_smoothing (cDPO); log 2 at the
    base, never below 0, unbounded above. ipo: (Δ − 1 / (2 β))², which ends at a finite preference.
    ℓ is summed over the sentence's tokens, or a mean (per: token), as TRL has it for ipo; for masked
    models it is that of the tokens in which the twins differ. No text is learnt.

    Source: Rafailov et al. 2023 (arXiv 2305.18290), equation 7; Azar et al. 2023 (IPO,
    arXiv 2310.12036), equation 17; Mitchell 2023 (cDPO, note on DPO with noisy preferences). For
    bias: Allam 2024 (BiasDPO, arXiv 2407.13928).
    """

    compares: ClassVar[Comparison] = "sentences"
    uses_base: ClassVar[bool] = True

    name: Literal["dpo"] = "dpo"
    weight: float = Field(1.0, ge=0)
    beta: float = Field(0.1, gt=0)
    form: Literal["sigmoid", "ipo"] = "sigmoid"
    label_smoothing: float = Field(0.0, ge=0, lt=0.5, description="of the sigmoid alone")
    per: Literal["sentence", "token"] = "sentence"

    @model_validator(mode="after")
    def _smooths_the_sigmoid_alone(self) -> Self:
        if self.form == "ipo" and self.label_smoothing:
            raise ValueError("label_smoothing is of form sigmoid alone; leave it out for ipo")
        return self

    @property
    def trains_on(self) -> tuple[Side, ...]:
        return ()

    def pair_loss(self, model: LanguageModel, pairs: PairPredictions) -> Tensor:
        gains = [
            reading.log_likelihood(self.per) - reading.base_log_likelihood(self.per)
            for reading in (pairs.antistereotype, pairs.stereotype)
        ]
        return self.weight * self.penalty(gains[0] - gains[1]).mean()

    def penalty(self, gain_P: Tensor) -> Tensor:
        """form(Δ) of each pair, before the weight."""
        from torch.nn.functional import logsigmoid

        if self.form == "ipo":
            return (gain_P - 1 / (2 * self.beta)).square()
        noise = self.label_smoothing
        right_P, wrong_P = logsigmoid(self.beta * gain_P), logsigmoid(-self.beta * gain_P)
        return -(1 - noise) * right_P - noise * wrong_P
