"""The texts that are left for a trial to train on, without those that forgetting is measured on.

Stream (trainables/training/stream.py) leaves texts out by their tokens, this file by their letters: it
needs no tokenizer, and finds what is wrong with a trial before it starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainables.data.sources import read_pairs, read_texts
from trainables.data.splits import is_held_out
from trainables.schema.counted import counted

if TYPE_CHECKING:
    from trainables.config import TrialConfig


def texts_left(config: TrialConfig, name: str) -> list[str]:
    """Return the texts of a general set that a trial may replay, or give to its regulariser.

    They are not held out, and neither measured on nor a text of an alignment pair.
    """
    return _without(_measured(config).union(*_pairs(config)), name)


def faults_of(config: TrialConfig) -> list[str]:
    """Return a sentence for each set of a trial of which too little is left to train on.

    It begins with the key of the trial that names the set.
    """
    alignment, measured, pairs = config.alignment, _measured(config), _pairs(config)
    num_left = sum(measured.isdisjoint(pair) for pair in pairs)
    faults = []
    if not num_left:
        faults.append(
            f"alignment.data must have a pair that forgetting is not measured on, but {alignment.data} "
            "has none: measure on other texts."
        )
    elif alignment.size and num_left < alignment.size:
        faults.append(
            f"alignment.size must be at most the {counted(num_left, 'pair')} of {alignment.data} (of "
            f"{len(pairs)}) that forgetting is not measured on, but got {alignment.size}."
        )
    general = {"replay.data": config.replay.data} if config.replay and config.replay.ratio else {}
    if texts_from := config.regulariser.texts_from:
        general["regulariser.data"] = texts_from
    excluded = measured.union(*pairs)
    return faults + [
        f"{key} must have a text that is neither measured on nor in the alignment pairs, but {name} "
        "has none: give another set."
        for key, name in general.items()
        if not _without(excluded, name)
    ]


def _without(excluded: set[str], name: str) -> list[str]:
    """Return the texts of a general set that are neither held out nor excluded."""
    return [text for key, text in read_texts(name) if not is_held_out(key) and text not in excluded]


def _measured(config: TrialConfig) -> set[str]:
    """Return the general texts that a trial's evaluators measure forgetting on."""
    names = {evaluator.general for evaluator in config.evaluators if evaluator.general}
    return {text for name in names for key, text in read_texts(name) if is_held_out(key)}


def _pairs(config: TrialConfig) -> list[tuple[str, str]]:
    """Return the texts of all pairs of a trial's alignment set."""
    alignment = config.alignment
    pairs = read_pairs(alignment.data, alignment.swap, alignment.words)
    return [(pair.stereotype, pair.antistereotype) for pair in pairs]
