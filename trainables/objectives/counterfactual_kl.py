"""Bring the predictions after either twin together: Kullback–Leibler divergence."""

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

    P and Q are the distributions over the vocabulary that the model predicts in place of a token that
    both twins have, P in the stereotype and Q in its twin (as in counterfactual_js). direction is

    symmetric:      KL(P ‖ Q) + KL(Q ‖ P);
    stereotype:     KL(P ‖ Q), under which Q follows P;
    antistereotype: KL(Q ‖ P), under which P follows Q.

    Zero where the predictions are equal, never below 0, unbounded above. The model trains on no
    text. Together with the regulariser kl_to_base on general text these are BiasEdit's two losses.

    Source: Xu et al. 2025 (BiasEdit, arXiv 2503.08588). Deviation: over whole distributions, where
    its code has scalars (the mean probability of a sentence's tokens).
    """

    compares: ClassVar[Comparison] = "shared"

    name: Literal["counterfactual_kl"] = "counterfactual_kl"
    weight: float = Field(1.0, ge=0)
    direction: Literal["symmetric", "stereotype", "antistereotype"] = "symmetric"

    @property
    def trains_on(self) -> tuple[Side, ...]:
        """Return an empty tuple: the model trains on no text, it only compares the texts of pairs."""
        return ()

    def pair_loss(self, model: LanguageModel, pairs: PairPredictions) -> Tensor:
        """Return the weighted mean divergence over pairs: a scalar in nats."""
        kl_N = self.divergence(pairs.stereotype.log_prob_NV, pairs.antistereotype.log_prob_NV)
        return self.weight * pairs.stereotype.by_row(kl_N, "token").mean()

    def divergence(self, p_NV: Tensor, q_NV: Tensor) -> Tensor:
        """Return the KL of N pairs of distributions, given as log p: shape N, in nats."""
        match self.direction:
            case "symmetric":
                return ((p_NV.exp() - q_NV.exp()) * (p_NV - q_NV)).sum(-1)
            case "stereotype":
                return (p_NV.exp() * (p_NV - q_NV)).sum(-1)
            case "antistereotype":
                return (q_NV.exp() * (q_NV - p_NV)).sum(-1)
