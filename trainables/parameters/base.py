"""The contract of what is trained: which weights of the model training moves."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, ClassVar

from trainables.schema.strict import Strict

if TYPE_CHECKING:
    from trainables.models.language_model import LanguageModel


class Parameters(Strict):
    """A way to choose the trained weights.

    adapts: whether it leaves the base's own weights as they are and trains others beside them.
    """

    adapts: ClassVar[bool] = False

    name: str

    def refuse_misfit(
        self, name: str, num_blocks: int, linear_modules: Callable[[], list[str]]
    ) -> None:
        """Refuse a model, given what can be told without its weights; any model fits by default.

        name: of the model. linear_modules: gives the names of its modules that multiply by a matrix.

        Raises:
            ValueError: the model lacks something.
        """

    @abstractmethod
    def training(self, model: LanguageModel, seed: int) -> AbstractContextManager[None]:
        """Return a context in which only these weights want a gradient; it undoes what it changed.

        seed: of whatever is drawn at random.
        """
