"""Models and data of a sweep, fetched and looked at before its first trial starts."""

from __future__ import annotations

from sweep.spec import SweepSpec
from trainables import data, pretrained
from trainables.config import TrialConfig


class DoNotFit(ValueError):
    """Models or data are not what the spec takes them for; a sentence for each."""


def prepare(spec: SweepSpec) -> dict[str, str]:
    """Fetch what the trials of a sweep may use: the sha256 of every model and data set.

    Raises:
        DoNotFit: a model is of another family, a set is too small, or a row of it lacks something.
        trainables.cache.AssetError: something cannot be had.
    """
    trials = spec.trials()
    found: dict[str, str] = {}
    for trial in trials:
        found[f"model.{trial.model.path}"] = pretrained.digest(trial.model.path)
        found[f"alignment.{trial.alignment.data}"] = data.digest(trial.alignment.data)
        if trial.replay:
            found[f"replay.{trial.replay.data}"] = data.digest(trial.replay.data)
        for evaluator in trial.evaluators:
            first = evaluator.metrics(trial.model.family)[0].name  # family/dataset/quantity
            found[f"evaluator.{first.split('/')[1]}"] = evaluator.data_digest()
    if faults := [*_of_models(trials), *_of_sets(trials)]:
        raise DoNotFit("\n".join(faults))
    return found


def _of_models(trials: list[TrialConfig]) -> list[str]:
    faults = []
    for path, family in sorted({(trial.model.path, trial.model.family) for trial in trials}):
        try:
            said = pretrained.family_of(path)
        except ValueError as error:
            faults.append(f"trial.model.path: {error}")
            continue
        if said not in (None, family):
            faults.append(
                f"trial.model.family must be {said}, as {path} is a {said} model, "
                f"but got {family!r}."
            )
    return faults


def _of_sets(trials: list[TrialConfig]) -> list[str]:
    """Sets are read through once, so that a row that lacks something is found now."""
    faults = []
    for name in sorted({trial.alignment.data for trial in trials}):
        try:
            have = sum(1 for _ in data.read_pairs(name))
        except ValueError as error:
            faults.append(f"trial.alignment.data: {error}")
            continue
        asked = {t.alignment.size or 0 for t in trials if t.alignment.data == name}
        faults += [
            f"trial.alignment.size must be at most the {have} pairs of {name}, but got {size}."
            for size in sorted(asked)
            if size > have
        ]
    for name in sorted({trial.replay.data for trial in trials if trial.replay}):
        try:
            sum(1 for _ in data.read_texts(name))
        except ValueError as error:
            faults.append(f"trial.replay.data: {error}")
    return faults
