"""A study in memory in which trial n is suggested by a sampler with seed n."""

from collections.abc import Callable
from typing import Any

import optuna
from optuna.trial import TrialState

from sweep.samplers.base import Sampler
from sweep.space import draw

Params = dict[str, Any]


def run(
    sampler: Sampler,
    tree: dict[str, Any],
    num: int,
    cost: Callable[[Params], float] | None,
) -> list[Params]:
    """The parameters of `num` trials, one after the other; each trial fails if there is no cost."""
    study = optuna.create_study()
    for number in range(num):
        study.sampler = sampler.build(number, tree)
        trial = study.ask()
        draw.suggest(tree, trial)
        if cost is None:
            study.tell(trial, state=TrialState.FAIL)
        else:
            study.tell(trial, cost(trial.params))
    return [trial.params for trial in study.trials]
