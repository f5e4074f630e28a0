"""A trial of Optuna whose process died, perhaps between two of its parameters."""

from __future__ import annotations

from typing import Any

import optuna
from optuna.distributions import BaseDistribution


class InterruptedTrial(optuna.Trial):
    """A trial that has some of its parameters, and gets the others as if nothing had happened.

    Optuna returns a known parameter without asking the sampler. The sampler, which is built anew, would
    then give the next one the random numbers of the first. So it draws the known ones once more, and
    what it draws is dropped.
    """

    def _suggest(self, name: str, distribution: BaseDistribution) -> Any:
        """Return the value of a parameter; Optuna calls this from each `suggest_…`."""
        is_known = name in self._cached_frozen_trial.distributions
        is_drawn = not (name in self._fixed_params or distribution.single())
        if is_known and is_drawn and name not in self.relative_params:
            self.study.sampler.sample_independent(
                self.study, self._get_latest_trial(), name, distribution
            )
        return super()._suggest(name, distribution)
