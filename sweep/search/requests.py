"""What a trial of an Optuna study was asked to run."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import optuna
from optuna.trial import FrozenTrial

from sweep.config.check import fault_of_trial
from sweep.search import replicates
from sweep.space import draw
from sweep.trial_request import REPLICATE_OF, RETRY_OF, TrialRequest

if TYPE_CHECKING:
    from sweep.config.spec import SweepSpec


def request_of(trial: FrozenTrial, spec: SweepSpec) -> TrialRequest:
    """Return what a trial of a study has run; without a recipe, which the record does not need."""
    attrs = trial.user_attrs
    try:
        with warnings.catch_warnings(action="ignore"):  # of values beyond their range
            tree = draw.suggest(spec.trial, optuna.trial.FixedTrial(trial.params))
    except ValueError:
        return TrialRequest(trial.number, {}, "its parameters are not known")
    if replicates.SEED in attrs:
        tree["seed"] = attrs[replicates.SEED]
    fault = fault_of_trial(tree, spec.resources.workers_per_trial)
    return TrialRequest(trial.number, tree, fault, "", attrs.get(RETRY_OF), attrs.get(REPLICATE_OF))
