"""The Optuna sampler of a grid, apart from grid.py because it needs Optuna at import."""

from __future__ import annotations

from typing import Any

import optuna

from sweep.space import grid
from sweep.trial_request import REPLICATE_OF, RETRY_OF


class GridSampler(optuna.samplers.BaseSampler):
    """Suggests point n of a grid for trial n, so that an interrupted grid has no gap.

    n does not count trials that try a failed one again, or are replicates of another: these stand in
    between and have the parameters of that one. Optuna's own GridSampler draws the points in a random
    order and knows no branches.

    tree: the search space, whose domains are all choices.
    """

    def __init__(self, tree: dict[str, Any]) -> None:
        self._tree = tree

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
        """Return no parameters, so that each is suggested by sample_independent."""
        return {}

    def sample_relative(self, study: Any, trial: Any, search_space: Any) -> dict[str, Any]:
        """Return no parameters, as infer_relative_search_space does."""
        return {}

    def sample_independent(
        self,
        study: optuna.Study,
        trial: optuna.trial.FrozenTrial,
        param_name: str,
        param_distribution: Any,
    ) -> Any:
        """Return the value of the parameter `param_name` at the trial's point of the grid."""
        earlier_trials = study.get_trials(deepcopy=False)[: trial.number]
        num_repeated = sum(
            bool({RETRY_OF, REPLICATE_OF} & earlier.user_attrs.keys()) for earlier in earlier_trials
        )
        return grid.point(self._tree, trial.number - num_repeated)[param_name]
