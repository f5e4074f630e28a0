"""Tree-structured Parzen estimators: draw where good trials are dense and others are not."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from sweep.samplers.base import Sampler

if TYPE_CHECKING:
    import optuna


class Tpe(Sampler):
    """Draws 24 candidates from a density of the good trials and takes the one with the highest
    ratio to the density of the rest.

    Good trials are those on the first fronts, feasible ones first. Parameters of one branch are
    modelled together (`group`), and trials that still run count as bad ones (`constant_liar`), so
    that trials at the same time differ.

    startup: number of trials that must have ended without failure before it learns; until then
        trials are drawn at random.

    Source: Ozaki et al. 2022 (doi 10.1613/jair.1.13188), with constraints as in arXiv 2606.09889,
    both as Optuna implements them.
    """

    name: Literal["tpe"] = "tpe"
    startup: int = Field(10, ge=1)

    def build(self, seed: int, tree: dict[str, Any]) -> optuna.samplers.BaseSampler:
        import optuna

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return optuna.samplers.TPESampler(
                seed=seed,
                n_startup_trials=self.startup,
                multivariate=True,
                group=True,
                constant_liar=True,
            )
