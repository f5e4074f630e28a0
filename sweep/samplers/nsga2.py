"""NSGA-II: an evolutionary search that crosses and mutates a population."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from sweep.samplers.base import Sampler

if TYPE_CHECKING:
    import optuna


class Nsga2(Sampler):
    """Suggests a crossing of two of the 50 best trials so far, with some parameters drawn anew.

    The best are those on the first fronts, feasible ones first, and within a front those with the
    largest crowding distance. The first 50 trials are drawn at random, so a search of 50 trials or
    fewer is a random one. It is a baseline for other samplers.

    Source: Deb et al. 2002 (doi 10.1109/4235.996017), as Optuna implements it.
    """

    name: Literal["nsga2"] = "nsga2"

    def build(self, seed: int, tree: dict[str, Any]) -> optuna.samplers.BaseSampler:
        """Return Optuna's NSGAIISampler."""
        import optuna

        return optuna.samplers.NSGAIISampler(seed=seed)
