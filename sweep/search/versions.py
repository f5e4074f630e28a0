"""Versions of a search space: a sweep may be resumed with options appended to its choices.

Optuna does not let the options of a choice change. So a space that has grown gets a study of its own,
NAME@2, NAME@3, …: a copy of the one before with the new options. Trials keep their numbers and their
results.
"""

from __future__ import annotations

import json
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution

from sweep.space import growth

# User attributes of a study: the search space as JSON, and that every trial has been copied into it.
SPACE, IS_WHOLE = "space", "is_whole"


def version_for(tree: dict[str, Any], first_study: optuna.Study) -> tuple[optuna.Study, int]:
    """Return the study of the version that has a space, and its number; a new one is made if none has.

    Args:
        tree: the space to search from now on: that of the latest version, or that with options
            appended (see growth.is_grown).
        first_study: that of the first version.
    """
    storage, name = first_study._storage, first_study.study_name
    study, version = latest_version(first_study)
    later = _study(storage, f"{name}@{version + 1}")
    known_space = study.user_attrs.get(SPACE)
    if known_space is None:
        study.set_user_attr(SPACE, json.dumps(tree))
        return study, version
    if json.loads(known_space) == json.loads(json.dumps(tree)):
        return study, version
    if later:  # half copied, by a killed process
        optuna.delete_study(study_name=later.study_name, storage=storage)
    return _grown(study, tree, f"{name}@{version + 1}"), version + 1


def latest_version(first_study: optuna.Study) -> tuple[optuna.Study, int]:
    """Return the study of the latest version that there is, and its number.

    first_study: that of the first version.
    """
    study, version = first_study, 1
    storage, name = first_study._storage, first_study.study_name
    while (later := _study(storage, f"{name}@{version + 1}")) and later.user_attrs.get(IS_WHOLE):
        study, version = later, version + 1
    return study, version


def _grown(study: optuna.Study, tree: dict[str, Any], name: str) -> optuna.Study:
    """Return a new study of this name: a copy of `study` with the options of the space `tree`."""
    grown = optuna.create_study(
        study_name=name, storage=study._storage, directions=study.directions
    )
    labels = growth.choice_labels(tree)
    for trial in study.get_trials():
        trial.distributions = {
            parameter: CategoricalDistribution(labels[parameter])
            if isinstance(distribution, CategoricalDistribution)
            else distribution
            for parameter, distribution in trial.distributions.items()
        }
        grown.add_trial(trial)
    grown.set_user_attr(SPACE, json.dumps(tree))
    grown.set_user_attr(IS_WHOLE, True)  # last: a killed process leaves a copy without it
    return grown


def _study(storage: optuna.storages.BaseStorage, name: str) -> optuna.Study | None:
    """Return the study of this name, or None if there is none."""
    try:
        return optuna.load_study(study_name=name, storage=storage)
    except KeyError:
        return None
