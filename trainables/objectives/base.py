"""The contract of an objective: what pulls the bias down.

One step's loss = NLL of the texts + objective(pairs, texts) + regulariser(weights, texts).
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from trainables.schema.strict import Strict

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.data.comparisons import ComparedPairs, Comparison
    from trainables.models.joint_forward import PairPredictions, Predictions
    from trainables.models.language_model import LanguageModel


Side = Literal["original", "twin", "stereotype", "antistereotype"]


class Objective(Strict):
    """What pulls the bias down.

    families: model families that the formula is defined for.
    compares: what is asked of the sentences of a pair; None: it acts by what is learnt alone.
    reads_states: whether it needs the hidden states of the pairs, beside their predictions.
    asks_the_base: whether it holds the model against the base, so that what the model drops of
        itself in training would be taken for a difference: its own dropout is off then (as in TRL).
    """

    families: ClassVar[tuple[str, ...]] = ("causal", "masked")
    compares: ClassVar[Comparison | None] = None
    reads_states: ClassVar[bool] = False
    asks_the_base: ClassVar[bool] = False

    @property
    def learns(self) -> tuple[Side, ...]:
        """Which texts of a pair the language-modelling loss sees; there may be none."""
        return ("original",)

    @property
    def update_factor(self) -> float:
        """The debiased model is θ₀ + update_factor · (θ − θ₀), θ being what training arrives at."""
        return 1.0

    def prepare(self, model: LanguageModel, pairs: ComparedPairs) -> Any:
        """Return what the loss needs of the base model and all pairs: `pairs.prepared` later.

        Called once, before training.
        """
        return None

    def training(self, model: LanguageModel) -> AbstractContextManager[None]:
        """How the model is changed while it trains; undone when the trial ends."""
        return nullcontext()

    def on_pairs(self, model: LanguageModel, pairs: PairPredictions) -> Tensor | float:
        """A mean over pairs."""
        return 0.0

    def on_texts(self, model: LanguageModel, texts: Predictions) -> Tensor | float:
        """A mean over the predicted tokens of the step's texts."""
        return 0.0
