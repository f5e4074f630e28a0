"""Nothing holds the model in place: the control."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from trainables.strict import Strict

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.batch import TextBatch
    from trainables.model import LanguageModel


class NoRegulariser(Strict):
    """Loss 0."""

    name: Literal["none"] = "none"

    def loss(self, model: LanguageModel, texts: TextBatch, logits_NV: Tensor) -> float:
        return 0.0
