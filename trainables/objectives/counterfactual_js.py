"""Bring the predictions after either twin together: Jensen–Shannon divergence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from trainables.data.comparisons import Comparison
from trainables.objectives.base import Objective, Side

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.models.joint_forward import PairPredictions
    from trainables.models.language_model import LanguageModel


class CounterfactualJs(Objective):
    """weight · mean over pairs of the mean over shared tokens of JS(P, Q), in nats.

    A shared token is one that both twins have. P and Q are the distributions over the vocabulary
    that the model predicts in its place, P in the stereotype and Q in its twin. For causal models
    these are all shared tokens after the first difference; for masked models 15 % of them,
    masked in both twins. With M = ½(P + Q) JS is

    textbook:    ½ KL(P ‖ M) + ½ KL(Q ‖ M), at most log 2;
    auto_debias: ½ KL(M ‖ P) + ½ KL(M ‖ Q), unbounded. Auto-Debias computes this form, because its
                 call of torch's kl_div swaps the arguments.

    Zero where the predictions are equal, never below 0. The model trains on no text.

    Source: Guo et al. 2022 (Auto-Debias, ACL 2022). Deviation: on twins, not on searched prompts.
    """

    compares: ClassVar[Comparison] = "shared"

    name: Literal["counterfactual_js"] = "counterfactual_js"
    weight: float = Field(1.0, ge=0)
    form: Literal["textbook", "auto_debias"] = "textbook"

    @property
    def trains_on(self) -> tuple[Side, ...]:
        """Return an empty tuple: the model trains on no text, it only compares the texts of pairs."""
        return ()

    def pair_loss(self, model: LanguageModel, pairs: PairPredictions) -> Tensor:
        """Return the weighted mean divergence over pairs: a scalar in nats."""
        js_N = self.divergence(pairs.stereotype.log_prob_NV, pairs.antistereotype.log_prob_NV)
        return self.weight * pairs.stereotype.by_row(js_N, "token").mean()

    def divergence(self, p_NV: Tensor, q_NV: Tensor) -> Tensor:
        """Return JS(P, Q) of N pairs of distributions, given as log p: shape N, in nats."""
        import torch

        m_NV = torch.logaddexp(p_NV, q_NV) - math.log(2)
        if self.form == "auto_debias":
            return (m_NV.exp() * (m_NV - 0.5 * (p_NV + q_NV))).sum(-1)
        return 0.5 * (p_NV.exp() * (p_NV - m_NV) + q_NV.exp() * (q_NV - m_NV)).sum(-1)
