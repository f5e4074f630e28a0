"""Gaussian processes: expected improvement of the hypervolume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from sweep.samplers.base import Sampler

if TYPE_CHECKING:
    import optuna


class Gp(Sampler):
    """Models each goal and each constraint by a Gaussian process, and takes the point whose expected
    improvement of the front's hypervolume (of the goal, if there is one) is highest.

    It finds more in few trials than the others, at seconds a suggestion. The first 10 trials are
    drawn at random, and so is what is in some branches only.

    Source: Ament et al. 2023 (arXiv 2310.20708) for the acquisition, as Optuna implements it.
    """

    name: Literal["gp"] = "gp"

    def build(self, seed: int, tree: dict[str, Any]) -> optuna.samplers.BaseSampler:
        import optuna

        return optuna.samplers.GPSampler(seed=seed)
