"""Give each gender its target share of the probability where the twins of a pair differ."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from trainables.data.comparisons import Comparison
from trainables.objectives.base import Objective
from trainables.schema.counted import counted

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.data.comparisons import ComparedPairs
    from trainables.models.joint_forward import PairPredictions
    from trainables.models.language_model import LanguageModel

log = logging.getLogger(__name__)


class TargetDistribution(Objective):
    """weight · mean over pairs of KL(target ‖ q), in nats.

    q = (p_s, p_a) / (p_s + p_a), where p_s and p_a are the probabilities of the first token in which
    the twins differ, the stereotype's and the anti-stereotype's: after the tokens before it (causal),
    or with all tokens masked in which the twins differ (masked). target is

    equal:      (½, ½);
    real_world: (share, 1 − share), the share of the people in the pair's occupation who are of the
                stereotype's gender. A pair without statistics then has no loss.

    Zero where q is the target, never below 0, unbounded above. It is added to the language-modelling
    loss of the texts as found.

    Source: Shrestha & Srinivasan 2025 (arXiv 2510.06354). Deviations: there on templates, and with
    the KL for real_world divided by its running mean.
    """

    compares: ClassVar[Comparison] = "first_difference"

    name: Literal["target_distribution"] = "target_distribution"
    weight: float = Field(1.0, ge=0)
    target: Literal["equal", "real_world"] = "equal"

    @property
    def needs_real_share(self) -> bool:
        """Whether the target is the real share."""
        return self.target == "real_world"

    def prepare(self, model: LanguageModel, pairs: ComparedPairs) -> None:
        """Log how many pairs have a target; nothing is computed.

        Raises:
            ValueError: target is real_world, and the real share of no pair is known.
        """
        known = sum(share == share for share in pairs.real_shares)  # a NaN is not itself
        if self.target == "equal":
            return
        if not known:
            raise ValueError(
                "objective.target real_world needs pairs about occupations with statistics, but of "
                f"{counted(len(pairs), 'pair')} none has any: take bug, winobias or bec_pro as "
                "alignment.data."
            )
        log.info("target_distribution: %d of %d pairs have a target", known, len(pairs))

    def pair_loss(self, model: LanguageModel, pairs: PairPredictions) -> Tensor:
        """Return the weighted mean KL over pairs: a scalar in nats."""
        import torch

        stereotype, antistereotype = pairs.stereotype, pairs.antistereotype
        shares_P = pairs.real_share_P if self.target == "real_world" else None
        if shares_P is None:
            shares_P = torch.full_like(pairs.real_share_P, 0.5)
        share_N = shares_P[stereotype.rows_N]
        log_odds_N = stereotype.token_log_prob_N - antistereotype.token_log_prob_N
        kl_N = self.divergence(share_N, log_odds_N)
        kl_N = kl_N.where(share_N.isfinite(), torch.zeros_like(kl_N))
        return self.weight * stereotype.by_row(kl_N, "sentence").mean()

    def divergence(self, share_N: Tensor, log_odds_N: Tensor) -> Tensor:
        """Return KL((share, 1 − share) ‖ (q, 1 − q)) in nats: shape N.

        log_odds_N: log(q / (1 − q)). A share that is NaN counts as ½, which keeps gradients finite.
        """
        import torch
        from torch.nn.functional import logsigmoid

        share_N = share_N.nan_to_num(0.5)
        rest_N = 1 - share_N
        entropy_N = -torch.xlogy(share_N, share_N) - torch.xlogy(rest_N, rest_N)
        return -share_N * logsigmoid(log_odds_N) - rest_N * logsigmoid(-log_odds_N) - entropy_N
