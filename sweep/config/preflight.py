"""Fetch the models and data of a sweep and look through them, before its first trial starts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain

from sweep.config.inputs import Input
from sweep.config.spec import SweepSpec
from trainables import contamination
from trainables.assets.errors import AssetError
from trainables.config import TrialConfig
from trainables.data import sources
from trainables.data.counterfactual import Rule, Words
from trainables.metrics.names import parse
from trainables.models import pretrained


class DoNotFit(ValueError):
    """Models or data are not as the spec needs them; a sentence for each fault, one a line."""


def prepare(spec: SweepSpec) -> dict[str, str]:
    """Fetch every model and data set that the trials of a sweep may use, and check them.

    Returns:
        Name of an input (`Input.name`) -> its sha256.

    Raises:
        DoNotFit: a model or a set cannot be had, a model cannot be loaded, is of another family or
            lacks what is to be trained, a set is too small, a row lacks a field, or a trial would train
            on texts that it is measured on.
    """
    trials = spec.trials()
    digests, faults = _digests(trials)
    if not faults:
        faults = [
            *_model_faults(trials),
            *_alignment_faults(trials),
            *_text_faults(trials),
            *_evaluator_faults(trials),
        ]
    faults = faults or _contamination_faults(trials)
    if faults:
        raise DoNotFit("\n".join(faults))
    return digests


def sets_of(trial: TrialConfig) -> list[str]:
    """Return the names by which `prepare` returns the data sets of a trial, without its model."""
    return [entry.name for entry in _inputs([trial]) if entry.role != "model"]


def _inputs(trials: list[TrialConfig]) -> Iterator[Input]:
    """Yield every model and data set of every trial, some of them more than once."""
    for trial in trials:
        path, aligned = trial.model.path, trial.alignment.data
        yield Input("trial.model.path", "model", path, partial(pretrained.digest, path))
        yield Input("trial.alignment.data", "alignment", aligned, partial(sources.digest, aligned))
        if trial.replay:
            replayed = trial.replay.data
            yield Input("trial.replay.data", "replay", replayed, partial(sources.digest, replayed))
        if texts := trial.regulariser.texts_from:
            digest = partial(sources.digest, texts)
            yield Input("trial.regulariser.data", "regulariser", texts, digest)
        for evaluator in trial.evaluators:
            dataset = parse(evaluator.metrics(trial.model.family)[0].name).dataset
            key = f"trial.evaluators: {evaluator.name}"
            yield Input(key, "evaluator", dataset, evaluator.data_digest)


def _digests(trials: list[TrialConfig]) -> tuple[dict[str, str], list[str]]:
    """Fetch every input once. Return name -> sha256, and a fault for each that cannot be had."""
    inputs = {(entry.key, entry.name): entry for entry in _inputs(trials)}
    digests: dict[str, str] = {}
    faults: list[str] = []
    for entry in inputs.values():
        try:
            digests[entry.name] = entry.digest()
        except (AssetError, OSError) as error:
            faults.append(f"{entry.key}: {error}")
    return digests, faults


def _model_faults(trials: list[TrialConfig]) -> list[str]:
    """Return a fault for each model that a trial could not load, or not train as it says.

    That is one of another family, of an architecture that is not known, without some of its weights or
    special tokens, or without the blocks, modules or words that parameters or objective need.
    """
    faults = []
    for path, family in sorted({(trial.model.path, trial.model.family) for trial in trials}):
        try:
            real_family = pretrained.family_of(path)
            if real_family != family:
                faults.append(
                    f"trial.model.family must be {real_family}, as {path} is a {real_family} model, "
                    f"but got {family!r}."
                )
                continue
            tokenizer, structure = pretrained.look_through(path, family)
        except ValueError as error:
            faults.append(f"trial.model.path: {error}")
            continue
        of_model = [t for t in trials if (t.model.path, t.model.family) == (path, family)]
        for parameters in dict.fromkeys(trial.parameters for trial in of_model):
            faults += _faults_of(partial(parameters.refuse_misfit, path, structure))
        for objective in dict.fromkeys(trial.objective for trial in of_model):
            faults += _faults_of(partial(objective.refuse_misfit, tokenizer))
    return list(dict.fromkeys(faults))


def _faults_of(check: Callable[[], None]) -> list[str]:
    """Return the fault for which a check raises ValueError, as a list; an empty one if it does not."""
    try:
        check()
    except ValueError as error:
        return [f"trial.{error}"]
    return []


def _alignment_faults(trials: list[TrialConfig]) -> list[str]:
    """Read every alignment set once, with each rule that makes twins, and return its faults."""
    trials_by_set: dict[tuple[str, Rule, Words], list[TrialConfig]] = defaultdict(list)
    for trial in trials:
        alignment = trial.alignment
        trials_by_set[alignment.data, alignment.swap, alignment.words].append(trial)
    return [
        fault
        for name, rule, words in sorted(trials_by_set)
        for fault in _pair_faults(name, rule, words, trials_by_set[name, rule, words])
    ]


def _pair_faults(name: str, rule: Rule, words: Words, trials: list[TrialConfig]) -> list[str]:
    """Read an alignment set to its end, and return its faults for the trials that use it.

    Its rows must have their fields. It must have a pair, and as many as `alignment.size` says. Some
    pair must have a real share if an objective needs it.

    Args:
        name: of the set.
        rule: by which the twin of a text is made.
        words: the list from which words are swapped.
        trials: those that use the set with this rule and this list.
    """
    try:
        real_shares = [pair.real_share for pair in sources.read_pairs(name, rule, words)]
    except ValueError as error:
        return [f"trial.alignment.data: {error}"]
    faults = []
    num_pairs = len(real_shares)
    needs_shares = any(trial.objective.needs_real_share for trial in trials)
    if needs_shares and all(share is None for share in real_shares):
        faults.append(
            f"trial.objective.target must be equal with {name}, in which no pair has a known real "
            "share, but got 'real_world'."
        )
    if not num_pairs:
        faults.append(
            f"trial.alignment.data: {name} must have pairs, or texts with a word that swap: "
            f"{rule}, words: {words} has, but has none."
        )
    sizes = sorted({trial.alignment.size or 0 for trial in trials})
    faults += [
        f"trial.alignment.size must be at most the {num_pairs} pairs of {name}, but got {size}."
        for size in sizes
        if size > num_pairs
    ]
    return faults


def _text_faults(trials: list[TrialConfig]) -> list[str]:
    """Read every set of texts of replay and regularisers to its end, and return its faults.

    Its rows must have their fields, and there must be a text.
    """
    sets = {("replay", trial.replay.data) for trial in trials if trial.replay}
    sets |= {("regulariser", name) for t in trials if (name := t.regulariser.texts_from)}
    faults = []
    for key, name in sorted(sets):
        try:
            num_texts = sum(1 for _ in sources.read_texts(name))
        except ValueError as error:
            faults.append(f"trial.{key}.data: {error}")
            continue
        if not num_texts:
            faults.append(f"trial.{key}.data: {name} must have texts, but has none.")
    return faults


def _evaluator_faults(trials: list[TrialConfig]) -> list[str]:
    """Read the items of every evaluator, and return a fault for each without items or a bad row."""
    faults = []
    for evaluator in dict.fromkeys(chain.from_iterable(trial.evaluators for trial in trials)):
        try:
            if not len(evaluator.items()):
                faults.append(f"trial.evaluators: {evaluator.name} must have items, but has none.")
        except ValueError as error:
            faults.append(f"trial.evaluators: {evaluator.name}: {error}")
    return faults


def _contamination_faults(trials: list[TrialConfig]) -> list[str]:
    """Return a fault for each set that a trial trains on and that holds texts it is measured on.

    Trials that allow it are left out.
    """
    # One trial is enough for the same sets and evaluators, whatever else differs.
    trial_by_data = {
        (
            trial.alignment.model_copy(update={"size": None, "seed": 0}),
            trial.replay.data if trial.replay and trial.replay.ratio else None,
            trial.regulariser.texts_from,
            trial.evaluators,
        ): trial
        for trial in trials
        if not trial.allow_overlap
    }
    faults = (fault for trial in trial_by_data.values() for fault in contamination.faults_of(trial))
    return [f"trial.{fault}" for fault in dict.fromkeys(faults)]
