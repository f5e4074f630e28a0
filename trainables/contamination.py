"""Find texts that a trial would both train on and be measured on, and refuse such a trial.

Texts are the same if they differ in case, punctuation and spacing only.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from trainables.assets import cache
from trainables.config import ALIGNMENT
from trainables.data.counterfactual import Rule, Words
from trainables.data.sources import digest, read_pairs, read_texts
from trainables.data.text import normalised
from trainables.metrics.names import parse
from trainables.schema.faults import Fault, Place

if TYPE_CHECKING:
    from trainables.config import TrialConfig
    from trainables.data.tokenizer import Family
    from trainables.evaluators import AnyEvaluator

# The source that contamination depends on, beside the two sets.
MADE_BY = ("contamination.py", "data", "evaluators", "harness")


class TrainingPairs(NamedTuple):
    """The name of an alignment set, and how twins are made where it has none."""

    data: str
    rule: Rule
    words: Words


class TrainingTexts(NamedTuple):
    """The name of a set of general texts."""

    data: str


TrainingSet = TrainingPairs | TrainingTexts


class Contamination(NamedTuple):
    """The texts that an evaluator shares with a training set.

    evaluator:  its name, with that of its data.
    num_texts:  how many texts they share.
    example:    one of them; empty if there is none.
    """

    evaluator: str
    num_texts: int
    example: str


def refuse_contamination(config: TrialConfig) -> None:
    """Raise if a text is both trained on and measured on, unless the trial sets `allow_overlap`.

    All texts of a set count, whatever `size` and `seed` draw from it: of the alignment, of the replay,
    and of the regulariser's data. Held-out general texts are not looked at, since Stream
    (trainables/training/stream.py) never trains on them.

    Raises:
        ValueError: an evaluator shares texts with one of these sets; the sentence names both.
    """
    if faults := faults_of(config):
        raise ValueError(str(faults[0]))


def faults_of(config: TrialConfig) -> list[Fault]:
    """Return a fault for each training set and evaluator of a trial that share texts.

    Its place is the key that names the set. The list is empty if the trial sets `allow_overlap`.
    """
    if config.allow_overlap:
        return []
    alignment, family = config.alignment, config.model.family
    training_sets: dict[Place, TrainingSet] = {
        ALIGNMENT: TrainingPairs(alignment.data, alignment.swap, alignment.words)
    }
    training_sets |= {key: TrainingTexts(name) for key, name in config.trained_texts().items()}
    return [
        Fault(
            key,
            f"must have no text that is measured on, but {training_set.data} has {shared.num_texts} of "
            f"{shared.evaluator}, such as {shared.example!r}: take another set or split, or set "
            f"allow_overlap: true, which is recorded.",
        )
        for key, training_set in training_sets.items()
        for evaluator in config.evaluators
        if (shared := between(training_set, evaluator, family)).num_texts
    ]


def between(training_set: TrainingSet, evaluator: AnyEvaluator, family: Family) -> Contamination:
    """Return the texts that a training set and an evaluator share: compared once, then cached."""
    training_digest, data_digest = digest(training_set.data), evaluator.data_digest()
    read = evaluator.model_dump(mode="json", exclude={"label"})
    key_parts = [*training_set, training_digest, read, data_digest]
    key = hashlib.sha256(
        f"{cache.source_digest(*MADE_BY)} {json.dumps(key_parts, sort_keys=True)}".encode()
    ).hexdigest()[:24]

    def build(folder: Path) -> None:
        with cache.unchanged_while_read(
            data_digest, f"the data of {evaluator.name}", evaluator.data_digest
        ):
            texts = {normalised(text): text for text in evaluator.texts()}
        trained = _text_digests(training_set, training_digest) if texts else frozenset()
        shared = sorted(text for plain, text in texts.items() if _digest(plain) in trained)
        (folder / "shared.json").write_text(json.dumps([len(shared), *shared[:1]]))

    path = cache.once(f"contamination/{key}", build) / "shared.json"
    num_texts, *example = json.loads(path.read_text())
    dataset = parse(evaluator.metrics(family)[0].name).dataset
    name = evaluator.name if dataset == evaluator.name else f"{evaluator.name} ({dataset})"
    return Contamination(name, num_texts, "".join(example))


@lru_cache(maxsize=2)
def _text_digests(training_set: TrainingSet, data_digest: str) -> frozenset[bytes]:
    """Return the digests of all texts of a training set, normalised.

    data_digest: digest of its files, so that a changed file is read again.
    """
    name = training_set.data
    with cache.unchanged_while_read(data_digest, name, lambda: digest(name)):
        if isinstance(training_set, TrainingTexts):
            return frozenset(_digest(normalised(text)) for _, text in read_texts(name))
        pairs = read_pairs(*training_set)
        return frozenset(_digest(normalised(text)) for pair in pairs for text in pair[:2])


def _digest(text: str) -> bytes:
    """Return 12 bytes that stand for a text, so that a large set fits into memory."""
    return hashlib.blake2b(text.encode(), digest_size=12).digest()
