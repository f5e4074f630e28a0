"""Train every weight."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Literal

from trainables.parameters.base import Parameters

if TYPE_CHECKING:
    from trainables.models.language_model import LanguageModel


class AllParameters(Parameters):
    """Full fine-tuning: every weight is trained."""

    name: Literal["all"] = "all"

    def training(self, model: LanguageModel, seed: int) -> AbstractContextManager[None]:
        """Return a context that changes nothing: every weight requires a gradient already."""
        return nullcontext()
