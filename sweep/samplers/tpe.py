"""Tree-structured Parzen estimators: draw where good trials are dense and the others are not."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from sweep.samplers.base import Sampler

if TYPE_CHECKING:
    import optuna


class Tpe(Sampler):
    """Suggests the one of 24 candidates with the highest ratio of two densities, good(x) / rest(x).

    The candidates are drawn from the density of the good trials: those on the first fronts, feasible
    ones first. Parameters of one branch are modelled together (`group`). Trials that still run count
    among the rest (`constant_liar`), so that trials which run at the same time differ.

    startup: number of trials that must have ended without failure before the densities are used;
        until then trials are drawn at random.

    Source: Ozaki et al. 2022 (doi 10.1613/jair.1.13188), with constraints as in arXiv 2606.09889,
    both as Optuna implements them.
    """

    name: Literal["tpe"] = "tpe"
    startup: int = Field(10, ge=1)

    def build(self, seed: int, tree: dict[str, Any]) -> optuna.samplers.BaseSampler:
        """Return Optuna's TPESampler."""
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
