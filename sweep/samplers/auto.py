"""The sampler of a spec that names none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from sweep.samplers.base import Sampler
from sweep.samplers.tpe import Tpe

if TYPE_CHECKING:
    import optuna


class Auto(Sampler):
    """TPE with its default settings.

    It is the default because it models the parameters within branches, too, and takes milliseconds a
    suggestion.
    """

    name: Literal["auto"] = "auto"

    def build(self, seed: int, tree: dict[str, Any]) -> optuna.samplers.BaseSampler:
        """Return the sampler that `Tpe` builds."""
        return Tpe().build(seed, tree)
