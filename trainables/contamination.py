"""What a trial would learn that it is measured on: the same texts, but for case and spacing."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from trainables.assets import cache
from trainables.data.counterfactual import Rule, Words
from trainables.data.sources import digest, read_pairs, read_texts
from trainables.data.text import normalised
from trainables.metrics.names import parse

if TYPE_CHECKING:
    from trainables.config import TrialConfig
    from trainables.data.tokenizer import Family
    from trainables.evaluators import AnyEvaluator

FOUND_BY = ("contamination.py", "data", "evaluators")


class Pairs(NamedTuple):
    """An alignment set, and how twins are made where it has none."""

    data: str
    rule: Rule
    words: Words


class Texts(NamedTuple):
    """A set of general texts."""

    data: str


Learnt = Pairs | Texts


class Overlap(NamedTuple):
    """How many texts an evaluator shares with a set that is learnt from, and one of them."""

    evaluator: str
    texts: int
    example: str


def refuse_overlap(config: TrialConfig) -> None:
    """Nothing that is learnt may be measured on, unless the trial says that it may.

    All texts of a set count, whatever the size and seed by which some are drawn: of pairs, of what is
    replayed, and of what the regulariser reads. What forgetting is measured on is not looked at here:
    texts that are held out are never learnt, see stream.py.

    Raises:
        ValueError: an evaluator has texts of one of these sets; which, and what to do.
    """
    if faults := faults_of(config):
        raise ValueError(faults[0])


def faults_of(config: TrialConfig) -> list[str]:
    """A sentence for each evaluator that shares texts; none if the trial allows it."""
    if config.allow_overlap:
        return []
    asked, family = config.alignment, config.model.family
    learnt: dict[str, Learnt] = {"alignment.data": Pairs(asked.data, asked.swap, asked.words)}
    if config.replay and config.replay.ratio:
        learnt["replay.data"] = Texts(config.replay.data)
    if config.regulariser.texts_from:
        learnt["regulariser.data"] = Texts(config.regulariser.texts_from)
    return [
        f"{key} must have no text that is measured on, but {of.data} has {found.texts} of "
        f"{found.evaluator}, such as {found.example!r}: take another set or split, or say "
        "allow_overlap: true, which is recorded."
        for key, of in learnt.items()
        for evaluator in config.evaluators
        if (found := overlap(of, evaluator, family)).texts
    ]


def overlap(asked: Learnt, evaluator: AnyEvaluator, family: Family) -> Overlap:
    """What the two share; looked for once, and kept in the cache for all trials."""
    dataset = parse(evaluator.metrics(family)[0].name).dataset
    aligned = (*asked, digest(asked.data))
    told = [*aligned, evaluator.model_dump(mode="json"), evaluator.data_digest()]
    key = hashlib.sha256(
        f"{cache.source_digest(*FOUND_BY)} {json.dumps(told, sort_keys=True)}".encode()
    ).hexdigest()[:24]

    def build(folder: Path) -> None:
        texts = {normalised(text): text for text in evaluator.texts()}
        learnt = _learnt(asked, aligned[-1]) if texts else frozenset()
        shared = sorted(text for key, text in texts.items() if _digest(key) in learnt)
        (folder / "shared.json").write_text(json.dumps([len(shared), *shared[:1]]))

    kept = cache.once(f"overlaps/{key}", build) / "shared.json"
    texts, *example = json.loads(kept.read_text())
    name = evaluator.name if dataset == evaluator.name else f"{evaluator.name} ({dataset})"
    return Overlap(name, texts, "".join(example))


@lru_cache(maxsize=2)
def _learnt(asked: Learnt, _digest_of_data: str) -> frozenset[bytes]:
    """The digest of every text of a set."""
    if isinstance(asked, Texts):
        return frozenset(_digest(normalised(text)) for _, text in read_texts(asked.data))
    pairs = read_pairs(*asked)
    return frozenset(_digest(normalised(text)) for pair in pairs for text in pair[:2])


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=12).digest()
