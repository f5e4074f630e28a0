"""Direct preference optimisation: prefer the anti-stereotype, compared with the base model."""

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
    """weight · mean over pairs of form(Δ), with Δ = (ℓ − ℓ₀)(x⁺) − (ℓ − ℓ₀)(x⁻) in nats.

    x⁺ is the anti-stereotype and x⁻ the stereotype. ℓ is the log-likelihood under the model, ℓ₀ under
    the frozen base: a sum over the tokens of the sentence, or their mean (per: token), as TRL has it
    for ipo. For masked models ℓ is that of the tokens in which the twins differ. form is

    sigmoid: −(1 − ε) log σ(β Δ) − ε log σ(−β Δ), with ε = label_smoothing (cDPO). It is log 2 at the
             base, never below 0, unbounded above.
    ipo:     (Δ − 1 / (2 β))², zero at a finite preference, never below 0, unbounded above.

    The model trains on no text.

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
    label_smoothing: float = Field(0.0, ge=0, lt=0.5, description="form sigmoid only")
    per: Literal["sentence", "token"] = "sentence"

    @model_validator(mode="after")
    def _smooths_sigmoid_only(self) -> Self:
        """Refuse label smoothing for IPO, whose formula has none."""
        if self.form == "ipo" and self.label_smoothing:
            raise ValueError(
                f"label_smoothing must be 0 for form ipo, but got {self.label_smoothing}: leave it "
                "out, or take form sigmoid"
            )
        return self

    @property
    def trains_on(self) -> tuple[Side, ...]:
        """Return an empty tuple: the model trains on no text, it only compares the texts of pairs."""
        return ()

    def pair_loss(self, model: LanguageModel, pairs: PairPredictions) -> Tensor:
        """Return the weighted mean of form(Δ) over pairs: a scalar."""
        rise_P, stereotype_rise_P = (
            predictions.log_likelihood(self.per) - predictions.base_log_likelihood(self.per)
            for predictions in (pairs.antistereotype, pairs.stereotype)
        )
        return self.weight * self.penalty(rise_P - stereotype_rise_P).mean()

    def penalty(self, delta_P: Tensor) -> Tensor:
        """Return form(Δ) of each pair, before the weight: shape P."""
        from torch.nn.functional import logsigmoid

        if self.form == "ipo":
            return (delta_P - 1 / (2 * self.beta)).square()
        noise = self.label_smoothing
        right_P, wrong_P = logsigmoid(self.beta * delta_P), logsigmoid(-self.beta * delta_P)
        return -(1 - noise) * right_P - noise * wrong_P
