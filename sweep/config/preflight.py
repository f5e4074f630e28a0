"""Fetch the models and data of a sweep and look through them, before its first trial starts."""

from __future__ import annotations

from collections import defaultdict
from itertools import chain, islice

from sweep.config.inputs import inputs_by_name, inputs_of, joined_digest, reason_unread
from sweep.config.model_faults import model_faults
from sweep.config.places import with_line
from sweep.config.sound_part import sound_trials
from sweep.config.spec import SweepSpec
from trainables import contamination, left_to_train
from trainables.assets.errors import AssetError
from trainables.config import TrialConfig
from trainables.data import sources
from trainables.data.counterfactual import Rule, Words
from trainables.evaluators import AnyEvaluator
from trainables.schema.counted import counted
from trainables.schema.faults import MAX_SENTENCES
from trainables.schema.text.printable import in_one_line
from trainables.schema.yaml_file import FURTHER, Document

MIN_HELD_OUT = 3  # sources of texts, without which the error of a mean over them is not known


class DoNotFit(ValueError):
    """Models or data are not as the spec needs them; a sentence for each fault, one a line."""


def prepare(spec: SweepSpec, document: Document | None = None) -> dict[str, str]:
    """Fetch every model and data set that the trials of a sweep may use, and check them.

    document: the file of the spec, with which each fault has its line.

    Returns:
        Name of an input (`Input.name`) -> its sha256.

    Raises:
        DoNotFit: a model or a set cannot be had, a model cannot be loaded, is of another family or
            lacks what is to be trained, a set is too small, a row lacks a field, or a trial would train
            on texts that it is measured on.
    """
    digests, faults = _digests_and_faults(spec.trials())
    if faults:
        raise DoNotFit("\n".join(map(in_one_line, _with_lines(faults, document))))
    return digests


def faults_of_sound_part(document: Document) -> list[str]:
    """Return the faults of the models and data of a spec whose file has faults of its own."""
    return _with_lines(_digests_and_faults(sound_trials(document))[1], document)


def _digests_and_faults(trials: list[TrialConfig]) -> tuple[dict[str, str], list[str]]:
    """Return name -> sha256 of each input of these trials, and every fault, each after its key."""
    digests, faults = _digests(trials)
    if not faults:
        faults = [
            *model_faults(trials),
            *_alignment_faults(trials),
            *_text_faults(trials),
            *_evaluator_faults(trials),
        ]
    return digests, faults or _overlap_faults(trials)


def _with_lines(faults: list[str], document: Document | None) -> list[str]:
    """Return the first MAX_SENTENCES faults, each once, with the lines of a document if given."""
    first = list(islice(dict.fromkeys(faults), MAX_SENTENCES))
    further = [FURTHER] * (len(set(faults)) > MAX_SENTENCES)
    if document is not None:
        first = list(dict.fromkeys(with_line(document, fault) for fault in first))
    return [*first, *further]


def sets_of(trial: TrialConfig) -> list[str]:
    """Return the names by which `prepare` returns the data sets of a trial, without its model."""
    return [entry.name for entry in inputs_of([trial]) if entry.role != "model"]


def _digests(trials: list[TrialConfig]) -> tuple[dict[str, str], list[str]]:
    """Fetch every input once. Return name -> sha256, and a fault for each that cannot be had.

    After more faults than are shown the rest is not fetched.
    """
    digests: dict[str, str] = {}
    faults: list[str] = []
    for name, inputs in inputs_by_name(trials).items():
        found = []
        for key, entry in inputs.items():
            if len(faults) > MAX_SENTENCES:
                break
            try:
                found.append(entry.digest())
            except (AssetError, ValueError) as error:
                faults.append(f"{key}: {error}")
            except OSError as error:
                faults.append(f"{key}: must be what can be read, but: {reason_unread(error)}.")
        digests[name] = joined_digest(found)
    return digests, faults


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
        f"trial.alignment.size must be at most the {counted(num_pairs, 'pair')} of {name}, but "
        f"got {size}."
        for size in sizes
        if size > num_pairs
    ]
    return faults


def general_sets(trials: list[TrialConfig]) -> list[tuple[str, str]]:
    """Return (key of the spec, name) of every set of general texts, that of evaluators first."""
    evaluators = dict.fromkeys(chain.from_iterable(trial.evaluators for trial in trials))
    measured = {(f"evaluators: {e.name}", e.general) for e in evaluators if e.general}
    trained = {("replay.data", trial.replay.data) for trial in trials if trial.replay}
    trained |= {("regulariser.data", name) for t in trials if (name := t.regulariser.texts_from)}
    return [*sorted(measured), *sorted(trained)]


def _text_faults(trials: list[TrialConfig]) -> list[str]:
    """Read every set of general texts to its end, and return its faults.

    Its rows must have their fields, and enough texts must be held out to measure on, or left to train
    on. A fault in a row that an evaluator reads is found with its items.
    """
    faults = []
    for key, name in general_sets(trials):
        is_measured = key.startswith("evaluators")
        try:
            held_out, num_sources, num_texts = sources.num_held_out(name)
        except ValueError as error:
            faults += [] if is_measured else [f"trial.{key}: {error}"]
            continue
        if is_measured and num_sources < MIN_HELD_OUT:
            faults.append(
                f"trial.{key}: {name} must have texts of at least {MIN_HELD_OUT} sources that are held "
                f"out to measure on, as a tenth is by digest, but of its {counted(num_texts, 'text')} "
                f"{held_out} {'is' if held_out == 1 else 'are'}, of {counted(num_sources, 'source')}: "
                "give more texts, or more of them a source of their own."
            )
        if not is_measured and held_out == num_texts:
            faults.append(
                f"trial.{key}: {name} must have texts that are not held out to measure on, as a tenth "
                f"is by digest, but of its {counted(num_texts, 'text')} each is: give more texts."
            )
    return faults


def _evaluator_faults(trials: list[TrialConfig]) -> list[str]:
    """Read the items of every evaluator, and return a fault for each without items or a bad row.

    Evaluators that differ in their label alone read the same items, and are looked at once.
    """
    faults = []
    evaluators = dict.fromkeys(chain.from_iterable(trial.evaluators for trial in trials))
    by_items = {_without_label(evaluator): evaluator for evaluator in evaluators}
    for evaluator in by_items.values():
        try:
            if not len(evaluator.items()):
                faults.append(f"trial.evaluators: {evaluator.name} must have items, but has none.")
        except ValueError as error:
            faults.append(f"trial.evaluators: {evaluator.name}: {error}")
    return faults


def _without_label(evaluator: AnyEvaluator) -> AnyEvaluator:
    """Return an evaluator with no label of its own, if it may have one."""
    has_label = "label" in type(evaluator).model_fields
    return evaluator.model_copy(update={"label": None}) if has_label else evaluator


def _overlap_faults(trials: list[TrialConfig]) -> list[str]:
    """Return a fault for each set that a trial trains on and that holds texts it is measured on.

    Of benchmarks it may hold none, unless the trial allows it; of held-out general texts it may not
    consist.
    """
    # Of trials with the same sets and evaluators, whatever else differs, the one with the most pairs.
    trial_by_data = {
        (
            trial.alignment.model_copy(update={"size": None, "seed": 0}),
            trial.replay.data if trial.replay and trial.replay.ratio else None,
            trial.regulariser.texts_from,
            trial.evaluators,
            trial.allow_overlap,
        ): trial
        for trial in sorted(trials, key=lambda trial: trial.alignment.size or 0)
    }
    faults = (
        fault
        for trial in trial_by_data.values()
        for fault in (*contamination.faults_of(trial), *left_to_train.faults_of(trial))
    )
    return [f"trial.{fault}" for fault in dict.fromkeys(faults)]
