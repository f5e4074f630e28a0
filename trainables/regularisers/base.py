"""The contract of a regulariser, which keeps the model close to its base while it is debiased."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from trainables.schema.strict import Strict

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.models.joint_forward import Predictions
    from trainables.models.language_model import LanguageModel


class Pull(NamedTuple):
    """What a regulariser makes of one step of AdamW.

    factor: of the update, from 0 to 1.
    strength: after the update each weight moves back by lr · strength times its distance to the base.
    epsilon: Adam's ε, which is added to √v̂.
    """

    factor: float
    strength: float
    epsilon: float


class Regulariser(Strict):
    """A formula that keeps the model close to the base. Its fields are its hyper-parameters.

    holds_weights: whether it acts on the base's own weights. Adapters never change these, so such a
        regulariser does not go with them.
    reads_texts: whether it is a loss over texts.
    uses_base: whether the loss compares the model with the frozen base; see Objective.uses_base.
    """

    holds_weights: ClassVar[bool] = False
    reads_texts: ClassVar[bool] = False
    uses_base: ClassVar[bool] = False

    name: str

    @property
    def texts_from(self) -> str | None:
        """The set of general texts that it reads beside the step's own texts; None if it reads none.

        Its texts are kept apart from those that are measured on. It is that of `anchor` by default.
        """
        return self.anchor and self.anchor[0]

    @property
    def anchor(self) -> tuple[str, int] | None:
        """(set, texts a step) of the general texts for `text_loss`; None for the step's own texts."""
        return None

    @property
    def replaces_dropout(self) -> bool:
        """Whether the model's own dropout is off in training, since this takes its place."""
        return False

    @property
    def has_weight_loss(self) -> bool:
        """Whether it is a loss that is a function of the weights."""
        return type(self).weight_loss is not Regulariser.weight_loss

    def training(self, model: LanguageModel) -> AbstractContextManager[None]:
        """Return a context in which the model is changed for training; leaving it undoes the change."""
        return nullcontext()

    def pull_to_base(self, step: int) -> Pull | None:
        """Return how the optimiser's step is changed; None, the default, for plain AdamW.

        step: the first one is 1.
        """
        return None

    def weight_loss(self, model: LanguageModel) -> Tensor | float:
        """Return a scalar loss that is a function of the model's weights, as a distance to the base."""
        return 0.0

    def text_loss(self, model: LanguageModel, texts: Predictions) -> Tensor | float:
        """Return the loss on texts: a scalar, the mean over predicted tokens."""
        return 0.0
