"""Keep predicting what the base model predicts (learning without forgetting)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from trainables.data import sources
from trainables.data.sets import TEXT_SETS
from trainables.regularisers.base import Regulariser

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.models.joint_forward import Predictions
    from trainables.models.language_model import LanguageModel


class KlToBase(Regulariser):
    """weight · mean over predicted tokens of KL(p₀ ‖ p) or, reversed, KL(p ‖ p₀), in nats.

    Taken on general texts (`data`, `texts` of them a step, each once an epoch) or, without data, on
    the texts of the step, replayed ones included. Zero while the model predicts as the base does,
    never below 0, unbounded above.

    Source: Li & Hoiem 2016, "Learning without forgetting" (arXiv 1606.09282), with the whole
    distribution at temperature 1.
    """

    reads_texts: ClassVar[bool] = True
    uses_base: ClassVar[bool] = True

    name: Literal["kl_to_base"] = "kl_to_base"
    weight: float = Field(0.1, ge=0)
    direction: Literal["forward", "reverse"] = "forward"
    data: str | None = None
    texts: int | None = Field(None, ge=1, description="general texts a step, 8 when left out")

    @field_validator("data")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        return name if name is None else sources.check_name(name, TEXT_SETS, "general texts")

    @model_validator(mode="after")
    def _texts_are_of_a_set(self) -> Self:
        if self.texts and self.data is None:
            raise ValueError(
                "texts says how many of data are read a step: give data, or leave it out"
            )
        return self

    @property
    def texts_from(self) -> str | None:
        return self.data

    @property
    def anchor(self) -> tuple[str, int] | None:
        return None if self.data is None else (self.data, self.texts or 8)

    def text_loss(self, model: LanguageModel, texts: Predictions) -> Tensor:
        now_NV, base_NV = texts.log_prob_NV, texts.base_log_prob_NV
        if self.direction == "reverse":
            now_NV, base_NV = base_NV, now_NV
        return self.weight * (base_NV.exp() * (base_NV - now_NV)).sum(-1).mean()
