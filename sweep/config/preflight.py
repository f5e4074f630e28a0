"""Models and data of a sweep, fetched and looked at before its first trial starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from sweep.config.spec import SweepSpec
from trainables import contamination
from trainables.assets.errors import AssetError
from trainables.config import TrialConfig
from trainables.data import sources
from trainables.metrics.names import parse
from trainables.models import pretrained


class DoNotFit(ValueError):
    """Models or data are not what the spec takes them for; a sentence for each."""


def prepare(spec: SweepSpec) -> dict[str, str]:
    """Fetch what the trials of a sweep may use: the sha256 of every model and data set.

    Raises:
        DoNotFit: something cannot be had, a model is of another family, a set is too small, a row of
            it lacks something, or a trial would learn what it is measured on.
    """
    trials = spec.trials()
    found: dict[str, str] = {}
    faults: list[str] = []
    each = {(key, name): read for key, name, read in _named(trials)}
    for (key, name), read in each.items():
        try:
            found[name] = read()
        except (AssetError, OSError) as error:
            faults.append(f"{key}: {error}")
    faults += [] if faults else [*_of_models(trials), *_of_sets(trials), *_of_evaluators(trials)]
    faults += [] if faults else _of_overlaps(trials)
    if faults:
        raise DoNotFit("\n".join(faults))
    return found


def sets_of(trial: TrialConfig) -> list[str]:
    """The names that `prepare` gives to the data sets of a trial."""
    return [name for key, name, _ in _named([trial]) if key != "trial.model.path"]


def _named(trials: list[TrialConfig]) -> Iterator[tuple[str, str, Callable[[], str]]]:
    """(key in the spec, name in the record, what gives the digest) of everything that is read."""
    for trial in trials:
        path, aligned = trial.model.path, trial.alignment.data
        yield "trial.model.path", f"model.{path}", partial(pretrained.digest, path)
        yield "trial.alignment.data", f"alignment.{aligned}", partial(sources.digest, aligned)
        if trial.replay:
            replayed = trial.replay.data
            yield "trial.replay.data", f"replay.{replayed}", partial(sources.digest, replayed)
        if held := trial.regulariser.texts_from:
            yield "trial.regulariser.data", f"regulariser.{held}", partial(sources.digest, held)
        for evaluator in trial.evaluators:
            first = parse(evaluator.metrics(trial.model.family)[0].name)
            name = f"evaluator.{first.dataset}"
            yield f"trial.evaluators: {evaluator.name}", name, evaluator.data_digest


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
    for path, parameters in dict.fromkeys((t.model.path, t.parameters) for t in trials):
        try:
            parameters.refuse_misfit(
                path, pretrained.num_blocks(path), partial(pretrained.linear_modules, path)
            )
        except ValueError as error:
            faults.append(f"trial.{error}")
    return faults


def _of_sets(trials: list[TrialConfig]) -> list[str]:
    """Sets are read through once, so that a row that lacks something is found now."""
    faults = []
    asked = {(t.alignment.data, t.alignment.swap, t.alignment.words) for t in trials}
    for name, swap, words in sorted(asked):
        try:
            shares = [pair.real_share for pair in sources.read_pairs(name, swap, words)]
        except ValueError as error:
            faults.append(f"trial.alignment.data: {error}")
            continue
        have = len(shares)
        of_it = [
            t
            for t in trials
            if (t.alignment.data, t.alignment.swap, t.alignment.words) == (name, swap, words)
        ]
        sizes = {t.alignment.size or 0 for t in of_it}
        needs_shares = any(t.objective.needs_real_share for t in of_it)
        if needs_shares and not any(share is not None for share in shares):
            faults.append(
                f"trial.objective.target must be equal with {name}, of no pair of which the real "
                "share is known, but got 'real_world'."
            )
        if not have:
            faults.append(
                f"trial.alignment.data: {name} must have pairs, or texts with a word that swap: "
                f"{swap}, words: {words} has, but has none."
            )
        faults += [
            f"trial.alignment.size must be at most the {have} pairs of {name}, but got {size}."
            for size in sorted(sizes)
            if size > have
        ]
    texts = {("replay", trial.replay.data) for trial in trials if trial.replay}
    texts |= {("regulariser", t.regulariser.texts_from or "") for t in trials}
    for key, name in sorted(texts):
        try:
            if name and not sum(1 for _ in sources.read_texts(name)):
                faults.append(f"trial.{key}.data: {name} must have texts, but has none.")
        except ValueError as error:
            faults.append(f"trial.{key}.data: {error}")
    return faults


def _of_evaluators(trials: list[TrialConfig]) -> list[str]:
    """Benchmarks are read through as well."""
    faults = []
    for evaluator in dict.fromkeys(each for trial in trials for each in trial.evaluators):
        try:
            if not len(evaluator.items()):
                faults.append(f"trial.evaluators: {evaluator.name} must have items, but has none.")
        except ValueError as error:
            faults.append(f"trial.evaluators: {evaluator.name}: {error}")
    return faults


def _of_overlaps(trials: list[TrialConfig]) -> list[str]:
    """Whether any trial would learn what it is measured on."""
    # Of the same sets and evaluators one trial is enough, whatever else is searched.
    kinds = {
        (
            t.alignment.model_copy(update={"size": None, "seed": 0}),
            t.replay.data if t.replay and t.replay.ratio else None,
            t.regulariser.texts_from,
            t.evaluators,
        ): t
        for t in trials
        if not t.allow_overlap
    }
    found = (fault for trial in kinds.values() for fault in contamination.faults_of(trial))
    return [f"trial.{fault}" for fault in dict.fromkeys(found)]
