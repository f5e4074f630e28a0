"""The sampler for those who name none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from sweep.samplers.base import Sampler
from sweep.samplers.tpe import Tpe

if TYPE_CHECKING:
    import optuna


class Auto(Sampler):
    """TPE as it is without settings: it learns within branches, in milliseconds a suggestion."""

    name: Literal["auto"] = "auto"

    def build(self, seed: int, tree: dict[str, Any]) -> optuna.samplers.BaseSampler:
        return Tpe().build(seed, tree)
