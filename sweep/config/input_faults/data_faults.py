"""What is wrong with the rows of a sweep's data, whatever model reads them."""

from __future__ import annotations

from collections import defaultdict
from itertools import chain

from sweep.config.input_faults.input_fault import InputFault, fault_in, fault_of_evaluator
from sweep.config.input_faults.read_data import measured_texts, trained_texts
from trainables.config import ALIGNMENT, TrialConfig
from trainables.data import sources
from trainables.data.counterfactual import Rule, Words
from trainables.evaluators import AnyEvaluator
from trainables.schema.counted import counted
from trainables.schema.faults import Fault

MIN_HELD_OUT = 3  # sources of texts, without which the error of a mean over them is not known


def data_faults(trials: list[TrialConfig]) -> list[InputFault]:
    """Return a fault for each set whose rows lack a field, or that has too few for the trials.

    Every set is read once, to its end.
    """
    return [
        *_alignment_faults(trials),
        *_measured_text_faults(trials),
        *_trained_text_faults(trials),
        *_evaluator_faults(trials),
    ]


def _alignment_faults(trials: list[TrialConfig]) -> list[InputFault]:
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


def _pair_faults(
    name: str, rule: Rule, words: Words, trials: list[TrialConfig]
) -> list[InputFault]:
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
        return [InputFault(ALIGNMENT, name, f": {error}")]
    faults = []
    num_pairs = len(real_shares)
    needs_share = [trial for trial in trials if trial.objective.needs_real_share]
    if needs_share and all(share is None for share in real_shares):
        sentence = (
            f"must be equal with {name}, in which no pair has a known real share, but got "
            f"'real_world'."
        )
        faults.append(fault_in(needs_share[0], Fault(("objective", "target"), sentence)))
    if not num_pairs:
        sentence = (
            f": {name} must have pairs, or texts with a word that swap: {rule}, words: {words} has, "
            f"but has none."
        )
        faults.append(InputFault(ALIGNMENT, name, sentence))
    trial_by_size = {trial.alignment.size or 0: trial for trial in trials}
    for size in sorted(size for size in trial_by_size if size > num_pairs):
        sentence = f"must be at most the {counted(num_pairs, 'pair')} of {name}, but got {size}."
        faults.append(fault_in(trial_by_size[size], Fault(("alignment", "size"), sentence)))
    return faults


def _measured_text_faults(trials: list[TrialConfig]) -> list[InputFault]:
    """Read every set of general texts that is measured on, and return a fault for each with too few.

    A fault in a row is found with the items of the evaluator that reads it.
    """
    faults = []
    for evaluator, name in measured_texts(trials):
        try:
            held_out, num_sources, num_texts = sources.num_held_out(name)
        except ValueError:
            continue
        if num_sources < MIN_HELD_OUT:
            sentence = (
                f": {name} must have texts of at least {MIN_HELD_OUT} sources that are held out to "
                f"measure on, as a tenth is by digest, but of its {counted(num_texts, 'text')} "
                f"{held_out} {'is' if held_out == 1 else 'are'}, of {counted(num_sources, 'source')}: "
                "give more texts, or more of them a source of their own."
            )
            faults.append(fault_of_evaluator(evaluator, sentence))
    return faults


def _trained_text_faults(trials: list[TrialConfig]) -> list[InputFault]:
    """Read every set of general texts that is trained on, and return its faults.

    Its rows must have their fields, and enough texts must be left to train on.
    """
    faults = []
    for key, name in trained_texts(trials):
        try:
            held_out, _, num_texts = sources.num_held_out(name)
        except ValueError as error:
            faults.append(InputFault(key, name, f": {error}"))
            continue
        if held_out == num_texts:
            sentence = (
                f": {name} must have texts that are not held out to measure on, as a tenth is by "
                f"digest, but of its {counted(num_texts, 'text')} each is: give more texts."
            )
            faults.append(InputFault(key, name, sentence))
    return faults


def _evaluator_faults(trials: list[TrialConfig]) -> list[InputFault]:
    """Read the items of every evaluator, and return a fault for each without items or a bad row.

    Evaluators that differ in their label alone read the same items, and are looked at once.
    """
    faults = []
    evaluators = dict.fromkeys(chain.from_iterable(trial.evaluators for trial in trials))
    by_items = {_without_label(evaluator): evaluator for evaluator in evaluators}
    for evaluator in by_items.values():
        try:
            if not len(evaluator.items()):
                faults.append(fault_of_evaluator(evaluator, " must have items, but has none."))
        except ValueError as error:
            faults.append(fault_of_evaluator(evaluator, f": {error}"))
    return faults


def _without_label(evaluator: AnyEvaluator) -> AnyEvaluator:
    """Return an evaluator with no label of its own, if it may have one."""
    has_label = "label" in type(evaluator).model_fields
    return evaluator.model_copy(update={"label": None}) if has_label else evaluator
