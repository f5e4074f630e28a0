"""What a term of the training loss may say, with what holds for a term that does not say it.

One step's loss = NLL of the texts + objective(pairs, texts) + regulariser(weights, texts).
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from trainables.strict import Strict

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.comparisons import ComparedPairs, Comparison
    from trainables.model import LanguageModel
    from trainables.reading import Pairs, Reading

Side = Literal["original", "twin", "stereotype", "antistereotype"]


class ObjectiveTerm(Strict):
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

    def on_pairs(self, model: LanguageModel, pairs: Pairs) -> Tensor | float:
        """A mean over pairs."""
        return 0.0

    def on_texts(self, model: LanguageModel, texts: Reading) -> Tensor | float:
        """A mean over the predicted tokens of the step's texts."""
        return 0.0


class RegulariserTerm(Strict):
    """What holds the model in place.

    holds_weights: whether it is about the weights themselves, which adapters leave as they are.
    reads_texts: whether it is a loss over texts.
    asks_the_base: as for an objective.
    """

    holds_weights: ClassVar[bool] = False
    reads_texts: ClassVar[bool] = False
    asks_the_base: ClassVar[bool] = False

    @property
    def texts_from(self) -> str | None:
        """The set of general texts that it reads for itself, if any."""
        return None

    @property
    def anchor(self) -> tuple[str, int] | None:
        """General texts of its own: (set, how many a step). None: those of the step, if any."""
        return None

    def training(self, model: LanguageModel) -> AbstractContextManager[None]:
        """How the model is changed while it trains; undone when the trial ends."""
        return nullcontext()

    def recall(self, step: int) -> tuple[float, float]:
        """(factor of the optimiser's update, strength of the pull back to the base).

        After a step each weight moves back by lr · strength of its distance to the base.
        """
        return 1.0, 0.0

    def on_weights(self, model: LanguageModel) -> Tensor | float:
        """A loss over the weights."""
        return 0.0

    def on_texts(self, model: LanguageModel, texts: Reading) -> Tensor | float:
        """A mean over the predicted tokens."""
        return 0.0
