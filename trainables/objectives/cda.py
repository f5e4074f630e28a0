"""Counterfactual data augmentation: learn the texts with their genders swapped."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from trainables.strict import Strict

if TYPE_CHECKING:
    from trainables.batch import PairBatch
    from trainables.model import LanguageModel


class Cda(Strict):
    """−log p(x) over D ∪ swap(D) (two-sided) or over swap(D) alone (one-sided).

    Two-sided: both genders are seen equally often, so the pull ends at balance. One-sided: only the
    counterfactual is seen, so training long enough turns the skew around.
    Nothing is added to the language-modelling loss; what changes is the text it sees.

    Source: Zhao et al. 2018 (arXiv 1804.06876); two-sided as in Meade et al. 2022
    (arXiv 2110.08527); one-sided (substitution) as in Maudslay et al. 2019 (arXiv 1909.00871).
    """

    compares: ClassVar[bool] = False

    name: Literal["cda"] = "cda"
    sides: Literal["one", "two"] = "two"

    @property
    def learns(self) -> tuple[Literal["original", "twin"], ...]:
        return ("original", "twin") if self.sides == "two" else ("twin",)

    def loss(self, model: LanguageModel, pairs: PairBatch) -> float:
        return 0.0
