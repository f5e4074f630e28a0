"""The Optuna sampler of a grid, in a file of its own: only here is Optuna needed at import."""

from __future__ import annotations

from typing import Any

import optuna

from sweep.samplers.base import RETRY_OF
from sweep.space import grid


class GridSampler(optuna.samplers.BaseSampler):
    """Suggests point n for trial n, whatever ended before it, so an interrupted grid has no gap.

    Trials that repeat a failed one stand in between. They keep their own parameters and are not
    counted. (Optuna's own GridSampler draws points in a random order and knows no branches.)
    """

    def __init__(self, tree: dict[str, Any]) -> None:
        self._tree = tree

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
        """Return no parameters: each is suggested by itself."""
        return {}

    def sample_relative(self, study: Any, trial: Any, search_space: Any) -> dict[str, Any]:
        """Return no parameters, for the same reason."""
        return {}

    def sample_independent(
        self,
        study: optuna.Study,
        trial: optuna.trial.FrozenTrial,
        param_name: str,
        param_distribution: Any,
    ) -> Any:
        """Return the value of one parameter at the trial's point of the grid."""
        earlier = study.get_trials(deepcopy=False)[: trial.number]
        num_retries = sum(RETRY_OF in each.user_attrs for each in earlier)
        return grid.point(self._tree, trial.number - num_retries)[param_name]
