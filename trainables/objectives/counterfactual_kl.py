"""Predict the same after either twin: Kullback–Leibler divergence."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from trainables.data.comparisons import Comparison
from trainables.objectives.base import Objective, Side

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.models.joint_forward import PairPredictions
    from trainables.models.language_model import LanguageModel


class CounterfactualKl(Objective):
    """weight · mean over pairs of the mean over shared tokens of a KL divergence, in nats.

    P (after the stereotype) and Q (after its twin) are as in counterfactual_js. direction:

    symmetric: KL(P ‖ Q) + KL(Q ‖ P);
    stereotype: KL(P ‖ Q), which Q follows; antistereotype: KL(Q ‖ P), which P follows.

    Zero where the twins predict alike, never below, unbounded above. No text is learnt; with
    kl_to_base on general text it is BiasEdit's pair of losses.

    Source: Xu et al. 2025 (BiasEdit, arXiv 2503.08588), over whole distributions; its code has
    scalars in their place (the mean probability of a sentence's tokens).
    """

    compares: ClassVar[Comparison] = "shared"

    name: Literal["counterfactual_kl"] = "counterfactual_kl"
    weight: float = Field(1.0, ge=0)
    direction: Literal["symmetric", "stereotype", "antistereotype"] = "symmetric"

    @property
    def trains_on(self) -> tuple[Side, ...]:
        return ()

    def pair_loss(self, model: LanguageModel, pairs: PairPredictions) -> Tensor:
        found_N = self.divergence(pairs.stereotype.log_prob_NV, pairs.antistereotype.log_prob_NV)
        return self.weight * pairs.stereotype.by_row(found_N, "token").mean()

    def divergence(self, p_NV: Tensor, q_NV: Tensor) -> Tensor:
        """Of distributions given as log p: shape N."""
        match self.direction:
            case "symmetric":
                return ((p_NV.exp() - q_NV.exp()) * (p_NV - q_NV)).sum(-1)
            case "stereotype":
                return (p_NV.exp() * (p_NV - q_NV)).sum(-1)
            case "antistereotype":
                return (q_NV.exp() * (q_NV - p_NV)).sum(-1)
