"""The contract of a choice of parameters: the weights of the model that training moves."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, ClassVar

from trainables.schema.strict import Strict

if TYPE_CHECKING:
    from trainables.models.language_model import LanguageModel
    from trainables.models.structure import Structure


class Parameters(Strict):
    """A way to choose the trained weights.

    adapts: whether it leaves the base's own weights as they are and trains others beside them.
    """

    adapts: ClassVar[bool] = False

    name: str

    def refuse_misfit(self, name: str, structure: Structure) -> None:
        """Refuse a model that lacks blocks or modules which the settings name; accept any by default.

        Both arguments can be known before the weights are loaded.

        Args:
            name: of the model, for the sentence of the error.
            structure: its blocks and its linear modules.

        Raises:
            ValueError: the model lacks one of them.
        """

    @abstractmethod
    def training(self, model: LanguageModel, seed: int) -> AbstractContextManager[None]:
        """Return a context in which only the chosen weights require a gradient.

        Leaving it puts the model back as it was. seed: of the initial weights that are drawn, if any.

        Raises:
            ValueError: the model does not fit the settings.
        """
