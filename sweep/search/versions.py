"""Versions of a search space: a sweep may be resumed with options appended to its choices.

Optuna holds the options of a choice for fixed. So a space that has grown gets a study of its own,
NAME@2, NAME@3, …: a copy of the one before under the new options. Trials keep their numbers, and
what they taught.
"""

from __future__ import annotations

import json
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution

from sweep.space import growth

SPACE, IS_WHOLE = "space", "is_whole"  # of a study: the space as JSON, and that all was copied


def newest(study: optuna.Study, tree: dict[str, Any]) -> tuple[optuna.Study, int]:
    """The study of the newest version of a sweep's space, and which that is.

    study: of the first version.
    tree:  the space as it is to be searched from now on: that of the newest version, or that with
           options appended (see growth.is_grown), for which a new version is made.
    """
    storage = study._storage
    name, version = study.study_name, 1
    while (later := _study(storage, f"{name}@{version + 1}")) and later.user_attrs.get(IS_WHOLE):
        study, version = later, version + 1
    known = study.user_attrs.get(SPACE)
    if known is None:
        study.set_user_attr(SPACE, json.dumps(tree))
        return study, version
    if json.loads(known) == json.loads(json.dumps(tree)):
        return study, version
    version += 1
    if later:  # half copied, by a killed process
        optuna.delete_study(study_name=later.study_name, storage=storage)
    grown = optuna.create_study(
        study_name=f"{name}@{version}", storage=storage, directions=study.directions
    )
    options = growth.options(tree)
    for trial in study.get_trials():
        trial.distributions = {
            name: CategoricalDistribution(options[name])
            if isinstance(drawn_from, CategoricalDistribution)
            else drawn_from
            for name, drawn_from in trial.distributions.items()
        }
        grown.add_trial(trial)
    grown.set_user_attr(SPACE, json.dumps(tree))
    grown.set_user_attr(IS_WHOLE, True)
    return grown, version


def _study(storage: optuna.storages.BaseStorage, name: str) -> optuna.Study | None:
    try:
        return optuna.load_study(study_name=name, storage=storage)
    except KeyError:
        return None
