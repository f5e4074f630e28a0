"""Keep predicting what the base model predicts (learning without forgetting)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from trainables.strict import Strict

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.batch import TextBatch
    from trainables.model import LanguageModel


class KlToBase(Strict):
    """weight · mean over predicted tokens of KL(p₀ ‖ p) or, reversed, KL(p ‖ p₀), in nats.

    Taken on the texts of the step, replayed ones included; padding never counts. Zero while the
    model predicts as the base does, never below 0, unbounded above.

    Source: Li & Hoiem 2016, "Learning without forgetting" (arXiv 1606.09282), with the whole
    distribution at temperature 1.
    """

    name: Literal["kl_to_base"] = "kl_to_base"
    weight: float = Field(0.1, gt=0)
    direction: Literal["forward", "reverse"] = "forward"

    def loss(self, model: LanguageModel, texts: TextBatch, logits_NV: Tensor) -> Tensor:
        now_NV = logits_NV.float().log_softmax(-1)
        base_NV = model.base_logits(texts).float().log_softmax(-1)
        if self.direction == "reverse":
            now_NV, base_NV = base_NV, now_NV
        return self.weight * (base_NV.exp() * (base_NV - now_NV)).sum(-1).mean()
