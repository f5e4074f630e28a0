"""The texts that are left for a trial to train on, without those that forgetting is measured on.

Stream (trainables/training/stream.py) leaves texts out by their tokens, this file by their letters, and
by tokens only where these may tell more: it finds what is wrong with a trial before it starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainables.config import ALIGNMENT
from trainables.data.sources import read_pairs, read_texts
from trainables.data.splits import is_held_out
from trainables.schema.counted import counted
from trainables.schema.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainables.config import TrialConfig
    from trainables.data.tokenizer import Tokenizer

NOTHING_LEFT = (
    "must have a text that is neither measured on nor in the alignment pairs, but {name} has "
    "none{why}: give another set."
)
MAX_BEGIN = 200  # characters of a text that are looked at for its first letters
MAX_LETTERS = 20


def texts_left(config: TrialConfig, name: str) -> list[str]:
    """Return the texts of a general set that a trial may replay, or give to its regulariser.

    They are not held out, and neither measured on nor a text of an alignment pair.
    """
    return _without(_measured(config).union(*_pairs(config)), name)


def faults_of(config: TrialConfig, load_tokenizer: Callable[[], Tokenizer]) -> list[Fault]:
    """Return a fault for each set of a trial of which too little is left to train on.

    Its place is the key of the trial that names the set.

    load_tokenizer: returns the tokenizer of the trial's model. That takes seconds: it is called only
        where each text that is left may be read as one of those that are left out.
    """
    alignment, measured, pairs = config.alignment, _measured(config), _pairs(config)
    num_left = sum(measured.isdisjoint(pair) for pair in pairs)
    faults = []
    if not num_left:
        sentence = (
            f"must have a pair that forgetting is not measured on, but {alignment.data} has none: "
            f"measure on other texts."
        )
        faults.append(Fault(ALIGNMENT, sentence))
    elif alignment.size and num_left < alignment.size:
        sentence = (
            f"must be at most the {counted(num_left, 'pair')} of {alignment.data} (of {len(pairs)}) "
            f"that forgetting is not measured on, but got {alignment.size}."
        )
        faults.append(Fault(("alignment", "size"), sentence))
    excluded = measured.union(*pairs)
    for key, name in config.trained_texts().items():
        left = _without(excluded, name)
        if not left:
            faults.append(Fault(key, NOTHING_LEFT.format(name=name, why="")))
        elif _are_read_as(excluded, left, load_tokenizer):
            why = f" as {config.model.path} reads them, without tokens for what they differ in"
            faults.append(Fault(key, NOTHING_LEFT.format(name=name, why=why)))
    return faults


def _are_read_as(
    excluded: set[str], left: list[str], load_tokenizer: Callable[[], Tokenizer]
) -> bool:
    """Return whether a model reads each text that is left as one that is excluded.

    It may have no tokens for what they differ in, such as numbers, but has some for letters.
    """
    begins = {_begin(text) for text in excluded}
    if any(_begin(text) not in begins for text in left):
        return False
    tokenizer = load_tokenizer()
    excluded_ids = {tuple(ids) for ids in tokenizer.encode([*excluded])}
    return all(tuple(ids) in excluded_ids for ids in tokenizer.encode(left))


def _begin(text: str) -> str:
    """Return the letters at the beginning of a text, small.

    >>> _begin("No. 12: It's 3 pm")
    'noitspm'
    """
    return "".join(filter(str.isalpha, text[:MAX_BEGIN])).casefold()[:MAX_LETTERS]


def _without(excluded: set[str], name: str) -> list[str]:
    """Return the texts of a general set that are neither held out nor excluded."""
    return [text for key, text in read_texts(name) if not is_held_out(key) and text not in excluded]


def _measured(config: TrialConfig) -> set[str]:
    """Return the general texts that a trial's evaluators measure forgetting on."""
    names = set(config.measured_texts().values())
    return {text for name in names for key, text in read_texts(name) if is_held_out(key)}


def _pairs(config: TrialConfig) -> list[tuple[str, str]]:
    """Return the texts of all pairs of a trial's alignment set."""
    alignment = config.alignment
    pairs = read_pairs(alignment.data, alignment.swap, alignment.words)
    return [(pair.stereotype, pair.antistereotype) for pair in pairs]
