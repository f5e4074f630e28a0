"""What is wrong with the models of a sweep, for its trials."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from itertools import chain, islice

from trainables import left_to_train
from trainables.config import TrialConfig
from trainables.data import sources
from trainables.data.pairs import Pair
from trainables.data.queries import could_be_too_long, refuse_long_texts, room
from trainables.data.quick_ids import may_not_know, quick_ids
from trainables.data.tokenizer import Family
from trainables.models import pretrained
from trainables.models.fitness.tested import Ability
from trainables.objectives.base import Objective
from trainables.schema.counted import counted

MAX_PAIRS = 20  # that are looked at without the model's own tokenizer


def model_faults(trials: list[TrialConfig]) -> list[str]:
    """Return a fault for each model that a trial could not load, or not train as it says.

    That is one of another family, of an architecture that is not known or would be measured wrongly,
    without some of its weights or special tokens, or without what parameters, objective or precision
    need.
    """
    faults = []
    for path, family in sorted({(trial.model.path, trial.model.family) for trial in trials}):
        try:
            structure = pretrained.look_through(path, family)
            abilities = pretrained.abilities_of(path, family)
        except ValueError as error:
            faults.append(_why_unfit(path, family, error))
            continue
        of_model = [t for t in trials if (t.model.path, t.model.family) == (path, family)]
        for parameters in dict.fromkeys(trial.parameters for trial in of_model):
            faults += _faults_of(partial(parameters.refuse_misfit, path, structure))
        for objective in dict.fromkeys(trial.objective for trial in of_model):
            # Only a few look at the tokenizer, and to load one takes seconds.
            if type(objective).refuse_misfit is not Objective.refuse_misfit:
                tokenizer = pretrained.tokenizer_of(path, family)
                faults += _faults_of(partial(objective.refuse_misfit, tokenizer))
        for trial in of_model:
            faults += _faults_of_lacks(trial, abilities)
        faults += [*_faults_of_long_texts(of_model), *_faults_of_cut_pairs(of_model)]
        faults += _faults_of_alike_texts(of_model)
        for opening in {trial.model.opening for trial in of_model if family == "causal"}:
            faults += _faults_of(partial(pretrained.start_of, path, opening))
    return list(dict.fromkeys(faults))


def _faults_of_long_texts(trials: list[TrialConfig]) -> list[str]:
    """Return a fault for each evaluator whose texts are too long for the model of these trials."""
    path, family = trials[0].model.path, trials[0].model.family
    num_positions = pretrained.num_positions(path, family)
    faults = []
    for evaluator in dict.fromkeys(chain.from_iterable(trial.evaluators for trial in trials)):
        if (num_written := evaluator.num_written()) >= num_positions:
            faults.append(
                f"trial.evaluators: {evaluator.name}: max_gen_toks must be below the {num_positions} "
                f"positions of {path}, but is {num_written}: set it in generation_kwargs of the "
                "task's YAML, or take a model with more positions."
            )
        try:
            texts = list(evaluator.whole_texts())
        except ValueError:  # a row that cannot be read, which is found with the evaluator's items
            continue
        for opening in {trial.model.opening for trial in trials}:
            # To load a tokenizer takes seconds, and few models have so few positions.
            if opening.format == "plain" and not could_be_too_long(texts, num_positions):
                continue
            try:
                tokenizer = pretrained.tokenizer_of(path, family, opening)
            except ValueError:  # found with the opening
                continue
            refuse = partial(refuse_long_texts, tokenizer, texts)
            faults += _faults_of(refuse, lead=f"trial.evaluators: {evaluator.name}: ")
    return faults


def _faults_of_cut_pairs(trials: list[TrialConfig]) -> list[str]:
    """Return a fault for each alignment set whose pairs are all alike as these trials' model reads.

    Their objectives compare pairs, and texts are cut: at train.max_tokens, or at the model's positions.
    """
    path, family = trials[0].model.path, trials[0].model.family
    num_positions = pretrained.num_positions(path, family)
    trial_by_cut = {
        (
            trial.alignment.model_copy(update={"size": None, "seed": 0}),
            trial.train.max_tokens,
        ): trial
        for trial in trials
        if trial.objective.compares
    }
    faults = []
    for (alignment, max_tokens), trial in trial_by_cut.items():
        try:
            key = (alignment.data, alignment.swap, alignment.words)
            some = _differing_early(sources.read_pairs(*key), min(max_tokens, num_positions))
            if some and _are_read_as_different(path, some):
                continue  # mostly at the first pair, and to load a tokenizer takes seconds
            pairs = [pair[:2] for pair in sources.read_pairs(*key)]
            tokenizer = pretrained.tokenizer_of(path, family, trial.model.opening)
            most = min(max_tokens, room(tokenizer))
        except ValueError:  # found with the set, or with the model's opening
            continue
        ids = tokenizer.encode([text for pair in pairs for text in pair])
        if pairs and ids[::2] == ids[1::2]:
            faults.append(
                f"trial.model.path must read the texts of a pair differently for objective "
                f"{trial.objective.name}, but {path} has no tokens for what differs in any of the "
                f"{counted(len(pairs), 'pair')} of {alignment.data}: take another model, or other data."
            )
        elif pairs and all(a[:most] == b[:most] for a, b in zip(ids[::2], ids[1::2], strict=True)):
            faults.append(
                f"trial.train.max_tokens must let objective {trial.objective.name} see a pair differ, "
                f"but in the first {counted(most, 'token')}, which the model reads, none of the "
                f"{counted(len(pairs), 'pair')} of {alignment.data} does: put what differs first, or "
                f"raise it{'' if most == max_tokens else ', with a model of more positions'}."
            )
    return faults


def _faults_of_alike_texts(trials: list[TrialConfig]) -> list[str]:
    """Return a fault for each set of which no text is left to train on as these trials' model reads."""
    trial_by_data = {
        (
            trial.alignment.model_copy(update={"size": None, "seed": 0}),
            trial.replay.data if trial.replay and trial.replay.ratio else None,
            trial.regulariser.texts_from,
            trial.evaluators,
            trial.model.opening,
        ): trial
        for trial in trials
    }
    faults = []
    for trial in trial_by_data.values():
        load = partial(
            pretrained.tokenizer_of, trial.model.path, trial.model.family, trial.model.opening
        )
        with suppress(ValueError):  # found with the set, or with the model's opening
            faults += [f"trial.{fault}" for fault in left_to_train.faults_as_read(trial, load)]
    return faults


def _differing_early(pairs: Iterable[Pair], num_tokens: int) -> list[Pair]:
    """Return the first pairs, at most MAX_PAIRS, that differ within so many tokens of any tokenizer.

    A token has a byte or more, but for one before a text and two special ones around it.
    """
    return list(islice((pair for pair in pairs if _begin(pair) + 3 < num_tokens), MAX_PAIRS))


def _begin(pair: Pair) -> float:
    """Return how many bytes the texts of a pair begin with in common; inf if they do not differ."""
    text, twin = pair[:2]
    places = (n for n, (a, b) in enumerate(zip(text, twin, strict=False)) if a != b)
    place = next(places, None)
    return math.inf if place is None else len(text[:place].encode())


def _are_read_as_different(path: str, pairs: list[Pair]) -> bool:
    """Return whether a model's tokenizer has different tokens for the texts of one of some pairs."""
    folder = pretrained.locate(path)
    if not may_not_know(folder):
        return True
    ids = quick_ids(folder, [text for pair in pairs for text in pair[:2]])
    return any(a != b for a, b in zip(ids[::2], ids[1::2], strict=True))


def _faults_of_lacks(trial: TrialConfig, abilities: frozenset[Ability]) -> list[str]:
    """Return the faults of a trial for which its model is not able enough."""
    path, family = trial.model.path, trial.model.family
    faults = []
    if trial.objective.reads_states and "layers" not in abilities:
        faults.append(
            f"trial.objective.name must be of an objective that reads no hidden states, as {path} "
            f"returns others than one a token and block, but got {trial.objective.name!r}."
        )
    if trial.train.dtype == "bf16" and "bf16" not in abilities:
        faults.append(
            f"trial.train.dtype must be fp32 for {path}, which has parts that compute in fp32 "
            f"whatever its weights are, but got 'bf16'."
        )
    as_harness = [evaluator.name for evaluator in trial.evaluators if evaluator.starts_as_harness]
    if as_harness and family == "causal" and not pretrained.has_harness_start(path):
        faults += [
            f"trial.evaluators: {name} must be left out for {path}, whose tokenizer has neither a BOS "
            f"nor an EOS token, from which lm-evaluation-harness predicts the first token of a text."
            for name in as_harness
        ]
    return faults


def _why_unfit(path: str, family: Family, error: ValueError) -> str:
    """Return the fault of a model that cannot be loaded as one of a family, given the error."""
    try:
        real_family = pretrained.family_of(path)
    except ValueError:
        real_family = family
    if real_family == family:
        return f"trial.model.path: {error}"
    return (
        f"trial.model.family must be {real_family}, as {path} is a {real_family} model, but got "
        f"{family!r}."
    )


def _faults_of(check: Callable[[], object], lead: str = "trial.") -> list[str]:
    """Return the fault for which a check raises ValueError, as a list; an empty one if it does not.

    lead: what stands before the words of the error.
    """
    try:
        check()
    except ValueError as error:
        return [f"{lead}{error}"]
    return []
