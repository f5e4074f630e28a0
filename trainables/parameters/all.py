"""Train every weight."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, ClassVar, Literal

from trainables.parameters.base import Parameters

if TYPE_CHECKING:
    from trainables.models.language_model import LanguageModel


class AllParameters(Parameters):
    """Full fine-tuning: every weight is trained."""

    adapts: ClassVar[bool] = False

    name: Literal["all"] = "all"

    def refuse_misfit(
        self, name: str, num_blocks: int, linear_modules: Callable[[], list[str]]
    ) -> None:
        """Accept any model."""

    def training(self, model: LanguageModel, seed: int) -> AbstractContextManager[None]:
        """Return a context that changes nothing: every weight requires a gradient already."""
        return nullcontext()
