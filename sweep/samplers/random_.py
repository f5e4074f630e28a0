"""Random search: the sampler to compare others with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from sweep.samplers.base import Sampler

if TYPE_CHECKING:
    import optuna


class Random(Sampler):
    """Draws every domain uniformly (a loguniform one on its logarithm), and learns nothing.

    Source: Bergstra and Bengio 2012, Random search for hyper-parameter optimization (JMLR 13).
    """

    name: Literal["random"] = "random"

    def build(self, seed: int, tree: dict[str, Any]) -> optuna.samplers.BaseSampler:
        import optuna

        return optuna.samplers.RandomSampler(seed=seed)
