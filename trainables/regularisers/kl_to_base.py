"""KL to the predictions of the base model (learning without forgetting)."""

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

    p₀ and p are the distributions over the vocabulary that the base and the model predict. The texts
    are general ones (`texts` of the set `data` a step, each once an epoch); without data they are
    those of the step, replayed ones included. Zero where the model predicts as the base does, never
    below 0, unbounded above.

    Source: Li & Hoiem 2016, "Learning without forgetting" (arXiv 1606.09282). Deviation: the whole
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
    def _data_is_known(cls, name: str | None) -> str | None:
        """Return the name, if it is None, a known set of general texts or a file."""
        return name if name is None else sources.check_name(name, TEXT_SETS, "general texts")

    @model_validator(mode="after")
    def _texts_have_a_set(self) -> Self:
        """Refuse a number of texts without the set that they are read from."""
        if self.texts and self.data is None:
            raise ValueError(
                f"texts must be left out without data, the set that they are read from, but got "
                f"{self.texts}: give data, or leave texts out"
            )
        return self

    @property
    def anchor(self) -> tuple[str, int] | None:
        """(data, texts a step), with 8 texts where their number is not given; None without data."""
        return None if self.data is None else (self.data, self.texts or 8)

    def text_loss(self, model: LanguageModel, texts: Predictions) -> Tensor:
        """Return the weighted mean KL over predicted tokens: a scalar in nats."""
        p_NV, q_NV = texts.base_log_prob_NV, texts.log_prob_NV
        if self.direction == "reverse":
            p_NV, q_NV = q_NV, p_NV
        return self.weight * (p_NV.exp() * (p_NV - q_NV)).sum(-1).mean()
