"""Plain fine-tuning: the control that shows what the alignment texts alone do."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from trainables.strict import Strict

if TYPE_CHECKING:
    from trainables.batch import PairBatch
    from trainables.model import LanguageModel


class NoObjective(Strict):
    """Loss 0: the texts are learnt as they were found, stereotypes included."""

    compares: ClassVar[bool] = False

    name: Literal["none"] = "none"

    @property
    def learns(self) -> tuple[Literal["original", "twin"], ...]:
        return ("original",)

    def loss(self, model: LanguageModel, pairs: PairBatch) -> float:
        return 0.0
