"""NSGA-II: a population that is crossed and mutated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from sweep.samplers.base import Sampler

if TYPE_CHECKING:
    import optuna


class Nsga2(Sampler):
    """Crosses two of the 50 best trials so far, and draws some of the parameters anew.

    The best are those on the first fronts, feasible ones first, and within a front those with the
    most room around them. The first 50 trials are drawn at random, so a shorter search is a random
    one. It is there to compare with.

    Source: Deb et al. 2002 (doi 10.1109/4235.996017), as Optuna implements it.
    """

    name: Literal["nsga2"] = "nsga2"

    def build(self, seed: int, tree: dict[str, Any]) -> optuna.samplers.BaseSampler:
        import optuna

        return optuna.samplers.NSGAIISampler(seed=seed)
