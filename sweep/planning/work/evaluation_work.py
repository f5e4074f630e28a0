"""How many tokens an evaluator has a model read, by its own texts where they are at hand."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from trainables.assets.catalogue import CATALOGUE
from trainables.assets.resolve import at_hand
from trainables.evaluators.classification import Classification
from trainables.evaluators.finetune import FineTune
from trainables.evaluators.harness import Harness
from trainables.evaluators.kl import Kl
from trainables.evaluators.perplexity import Perplexity

if TYPE_CHECKING:
    from trainables.data.tokenizer import Family
    from trainables.evaluators import AnyEvaluator

# How often a causal model reads each text of an evaluator; 1 where it is not listed. A question is read
# once for its alternatives, and `kl` has the base's head run as well.
CAUSAL = {"multiple_choice": 0.5, "kl": 1.4, "harness": 0.6}
# The same for masked models, which read a text once for each token that is masked alone, and passages
# seven times; "token" is as often as a text has tokens.
MASKED: dict[str, float] = {
    "stereoset": 1.3, "winobias": 2, "winogender": 2, "bbq": 1.5, "multiple_choice": 5,
    "perplexity": 7, "kl": 10,
}  # fmt: skip
EVERY_TOKEN = ("crows_pairs",)
# Items, texts of each, and their mean characters, where an evaluator's data are not at hand.
TYPICAL = {
    "stereoset": (255, 3, 45), "crows_pairs": (262, 2, 67), "winobias": (396, 2, 74),
    "winogender": (120, 2, 85), "bbq": (1000, 2, 194), "seat": (474, 1, 16),
    "multiple_choice": (1500, 3, 79), "harness": (1000, 3, 150),
}  # fmt: skip
LABELLED_CHARACTERS = 100  # of a labelled text that is not at hand: GLUE's have about as many
BACKWARD = 3  # a text is trained on in three times the time that it takes to read it


class Reading(NamedTuple):
    """Texts that an evaluator reads: how many, their mean characters, whether they are at hand."""

    num_texts: int
    characters: float
    is_at_hand: bool


def tokens_read(evaluator: AnyEvaluator, family: Family, characters_a_token: float) -> float:
    """Return how many tokens a model reads, without gradient, for one measurement by an evaluator.

    One that is trained on counts for three.
    """
    if evaluator.name == "weights":
        return 1.0
    if isinstance(evaluator, Perplexity | Kl):
        tokens = float(evaluator.limit * evaluator.max_tokens)
        return tokens * _passes(evaluator.name, family, evaluator.max_tokens)
    reading = reading_of(evaluator)
    tokens_of_text = reading.characters / characters_a_token + 2
    if isinstance(evaluator, Classification):
        tokens_of_text = min(tokens_of_text, evaluator.max_tokens)
    if isinstance(evaluator, FineTune):
        trained = evaluator.steps * evaluator.batch_size * BACKWARD
        return (trained + evaluator.test) * tokens_of_text
    passes = _passes(evaluator.name, family, tokens_of_text)
    return reading.num_texts * tokens_of_text * passes


@lru_cache(maxsize=128)
def reading_of(evaluator: AnyEvaluator) -> Reading:
    """Return the texts of an evaluator: those that it has, or as many as are usual.

    Nothing is fetched, and lm-evaluation-harness is not loaded, which would take seconds.
    """
    if not isinstance(evaluator, Harness) and has_data_at_hand(evaluator):
        with suppress(Exception):  # what is wrong with the data, `sweep check` says
            if texts := evaluator.texts():
                return Reading(len(texts), sum(map(len, texts)) / len(texts), True)
    if isinstance(evaluator, Classification):
        return Reading(evaluator.train + evaluator.test, LABELLED_CHARACTERS, False)
    num_items, texts_of_each, characters = TYPICAL.get(evaluator.name, (1000, 1, 100))
    num_items = min(num_items, getattr(evaluator, "limit", None) or num_items)
    return Reading(num_items * texts_of_each, characters, False)


def is_counted_exactly(evaluator: AnyEvaluator) -> bool:
    """Return whether the texts that an evaluator reads are known: at hand, or by its settings."""
    if evaluator.name == "weights" or isinstance(evaluator, Perplexity | Kl):
        return True
    return reading_of(evaluator).is_at_hand


def has_data_at_hand(evaluator: AnyEvaluator) -> bool:
    """Return whether an evaluator's data can be read without fetching anything."""
    names = [str(getattr(evaluator, key, None) or "") for key in ("data", "task", "path")]
    if any(name.startswith("glue/") for name in names):
        return False
    if not any(names) or evaluator.name in CATALOGUE:
        names.append(evaluator.name)
    if getattr(evaluator, "data", None) == "miniature":
        return True
    known = [name for name in names if name in CATALOGUE]
    files = [name for name in names if name and Path(name).suffix]
    return all(at_hand(name) is not None for name in known) and all(
        os.path.isfile(os.path.expanduser(name)) for name in files
    )


def _passes(name: str, family: Family, tokens_of_text: float) -> float:
    """Return how often a model of a family reads each text of the evaluator of this name."""
    if family == "causal":
        return CAUSAL.get(name, 1.0)
    return tokens_of_text if name in EVERY_TOKEN else MASKED.get(name, 1.0)
