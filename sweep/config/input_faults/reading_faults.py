"""What is wrong with texts as a model reads them: in tokens, of which it has so many places."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING

from sweep.config.input_faults.input_fault import InputFault, fault_of_evaluator, faults_of
from sweep.config.input_faults.read_data import read_data
from trainables.assets import cache
from trainables.config import TrialConfig
from trainables.data import sources
from trainables.data.pairs import Pair
from trainables.data.queries import could_be_too_long, refuse_long_texts, room
from trainables.data.quick_ids import may_not_know, quick_ids
from trainables.models import pretrained
from trainables.schema.counted import counted

if TYPE_CHECKING:
    from trainables.data.tokenizer import Tokenizer

MAX_PAIRS = 20  # that are looked at without the model's own tokenizer


def reading_faults(trials: list[TrialConfig]) -> list[InputFault]:
    """Return a fault for each evaluator of texts that a model cannot hold, and each set it reads alike.

    trials: those of one model.
    """
    return [*_faults_of_long_texts(trials), *_faults_of_cut_pairs(trials)]


def _faults_of_long_texts(trials: list[TrialConfig]) -> list[InputFault]:
    """Return a fault for each evaluator whose texts are too long for the model of these trials."""
    path, family = trials[0].model.path, trials[0].model.family
    num_positions = pretrained.num_positions(path, family)
    faults = []
    for evaluator in dict.fromkeys(chain.from_iterable(trial.evaluators for trial in trials)):
        if (num_written := evaluator.num_written()) >= num_positions:
            sentence = (
                f": max_gen_toks must be below the {num_positions} positions of {path}, but is "
                f"{num_written}: set it in generation_kwargs of the task's YAML, or take a model with "
                "more positions."
            )
            faults.append(fault_of_evaluator(evaluator, sentence))
        try:
            data_digest = evaluator.data_digest()
            with cache.unchanged_while_read(data_digest, evaluator.name, evaluator.data_digest):
                texts = list(evaluator.whole_texts())
        except ValueError:  # a row that cannot be read, which is found with the evaluator's items
            continue
        for opening in {trial.model.opening for trial in trials}:
            # To load a tokenizer takes seconds, and few models have so few positions.
            if opening.format == "plain" and not could_be_too_long(texts, num_positions):
                continue
            if family == "causal":
                try:
                    pretrained.start_of(path, opening)
                except ValueError:  # found with the opening
                    continue
            refuse = partial(refuse_long_texts, texts=texts)
            asked = (evaluator.model_dump_json(), data_digest, _code())
            try:
                pretrained.check_tokenizer(path, family, refuse, asked, opening)
            except ValueError as error:
                faults.append(fault_of_evaluator(evaluator, f": {error}"))
    return faults


def _faults_of_cut_pairs(trials: list[TrialConfig]) -> list[InputFault]:
    """Return a fault for each alignment set whose pairs are all alike as these trials' model reads.

    Their objectives compare pairs, and texts are cut: at train.max_tokens, or at the model's positions.
    """
    path, family = trials[0].model.path, trials[0].model.family
    num_positions = pretrained.num_positions(path, family)
    trial_by_cut = {
        (read_data(trial).alignment, trial.train.max_tokens): trial
        for trial in trials
        if trial.objective.compares
    }
    faults = []
    for (alignment, max_tokens), trial in trial_by_cut.items():
        pair_set = (alignment.data, alignment.swap, alignment.words)
        try:
            some = _differing_early(sources.read_pairs(*pair_set), min(max_tokens, num_positions))
            if some and _are_read_as_different(path, some):
                continue  # mostly at the first pair, and to load a tokenizer takes seconds
            if family == "causal":
                pretrained.start_of(path, trial.model.opening)
        except ValueError:  # found with the set, or with the model's opening
            continue
        data_digest = sources.digest(alignment.data)
        refuse = partial(_refuse_cut_pairs, trial=trial, data_digest=data_digest)
        asked = (*pair_set, data_digest, str(max_tokens), trial.objective.name, _code())
        check = partial(
            pretrained.check_tokenizer, path, family, refuse, asked, trial.model.opening
        )
        faults += faults_of(check, trial)
    return faults


def _refuse_cut_pairs(tokenizer: Tokenizer, trial: TrialConfig, data_digest: str) -> None:
    """Raise ValueError if the pairs of a trial are all alike as its model reads them.

    data_digest: of the files of its alignment set.
    """
    alignment, path, objective = trial.alignment, trial.model.path, trial.objective.name
    digest_now = partial(sources.digest, alignment.data)
    with cache.unchanged_while_read(data_digest, alignment.data, digest_now):
        pairs = [*sources.read_pairs(alignment.data, alignment.swap, alignment.words)]
    max_tokens = trial.train.max_tokens
    most = min(max_tokens, room(tokenizer))
    ids = tokenizer.encode([text for pair in pairs for text in pair[:2]])
    if pairs and ids[::2] == ids[1::2]:
        raise ValueError(
            f"model.path must read the texts of a pair differently for objective {objective}, but "
            f"{path} has no tokens for what differs in any of the {counted(len(pairs), 'pair')} of "
            f"{alignment.data}: take another model, or other data."
        )
    if pairs and all(a[:most] == b[:most] for a, b in zip(ids[::2], ids[1::2], strict=True)):
        raise ValueError(
            f"train.max_tokens must let objective {objective} see a pair differ, but in the first "
            f"{counted(most, 'token')}, which the model reads, none of the "
            f"{counted(len(pairs), 'pair')} of {alignment.data} does: put what differs first, or "
            f"raise it{'' if most == max_tokens else ', with a model of more positions'}."
        )


def _code() -> str:
    """Return the sha256 of the code that reads texts and counts their tokens."""
    return cache.source_digest("data", "evaluators", "harness")


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
