"""The contract of a regulariser: what holds the model in place while it is debiased."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, ClassVar

from trainables.schema.strict import Strict

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.models.joint_forward import Predictions
    from trainables.models.language_model import LanguageModel


class Regulariser(Strict):
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

    def on_texts(self, model: LanguageModel, texts: Predictions) -> Tensor | float:
        """A mean over the predicted tokens."""
        return 0.0
