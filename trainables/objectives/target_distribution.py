"""Give either gender its desired share where a sentence decides between them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from trainables.data.comparisons import Comparison
from trainables.objectives.base import Objective

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.data.comparisons import ComparedPairs
    from trainables.models.joint_forward import PairPredictions
    from trainables.models.language_model import LanguageModel

log = logging.getLogger(__name__)


class TargetDistribution(Objective):
    """weight · mean over pairs of KL(target ‖ q), in nats.

    q = (p_s, p_a) / (p_s + p_a): the probabilities of the first word in which the twins differ,
    after what both have read (causal) or in place of all in which they differ (masked), with all
    other words left out. target: equal = (½, ½); real_world = what share of the people in the
    occupation are of the stereotype's gender; a pair whose occupation is in no statistics then
    costs nothing. Zero where q is the target, never below, unbounded above. Beside the
    language-modelling loss of the texts, which are learnt as they were found.

    Source: Shrestha & Srinivasan 2025 (arXiv 2510.06354): on templates. There the KL for real_world
    is divided by its running mean.
    """

    compares: ClassVar[Comparison] = "first_difference"

    name: Literal["target_distribution"] = "target_distribution"
    weight: float = Field(1.0, ge=0)
    target: Literal["equal", "real_world"] = "equal"

    @property
    def needs_real_share(self) -> bool:
        return self.target == "real_world"

    def prepare(self, model: LanguageModel, pairs: ComparedPairs) -> None:
        """
        Raises:
            ValueError: of no pair the real share is known, where that is the target.
        """
        known = sum(share == share for share in pairs.real_shares)  # a NaN is not itself
        if self.target == "equal":
            return
        if not known:
            raise ValueError(
                "objective.target real_world needs pairs about occupations with statistics (bug, "
                f"winobias, bec_pro), but of the {len(pairs)} pairs none has any."
            )
        log.info("target_distribution: %d of %d pairs have a target", known, len(pairs))

    def pair_loss(self, model: LanguageModel, pairs: PairPredictions) -> Tensor:
        import torch

        stereotype, antistereotype = pairs.stereotype, pairs.antistereotype
        shares_P = pairs.real_share_P if self.target == "real_world" else None
        if shares_P is None:
            shares_P = torch.full_like(pairs.real_share_P, 0.5)
        share_N = shares_P[stereotype.rows_N]
        odds_N = stereotype.token_log_prob_N - antistereotype.token_log_prob_N
        found_N = self.divergence(share_N, odds_N)
        found_N = found_N.where(share_N.isfinite(), torch.zeros_like(found_N))
        return self.weight * stereotype.by_row(found_N, "sentence").mean()

    def divergence(self, share_N: Tensor, odds_N: Tensor) -> Tensor:
        """KL((share, 1 − share) ‖ q), with q's log odds: shape N."""
        import torch

        share_N = share_N.nan_to_num(0.5)
        rest_N = 1 - share_N
        entropy_N = -torch.xlogy(share_N, share_N) - torch.xlogy(rest_N, rest_N)
        log = torch.nn.functional.logsigmoid
        return -share_N * log(odds_N) - rest_N * log(-odds_N) - entropy_N
