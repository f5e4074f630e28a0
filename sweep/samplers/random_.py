"""Random search: the baseline for other samplers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from sweep.samplers.base import Sampler

if TYPE_CHECKING:
    import optuna


class Random(Sampler):
    """Draws from every domain uniformly; from a loguniform one, uniformly in the logarithm.

    Results of earlier trials have no influence.

    Source: Bergstra and Bengio 2012, Random search for hyper-parameter optimization (JMLR 13).
    """

    name: Literal["random"] = "random"

    def build(self, seed: int, tree: dict[str, Any]) -> optuna.samplers.BaseSampler:
        """Return Optuna's RandomSampler."""
        import optuna

        return optuna.samplers.RandomSampler(seed=seed)
