"""What a trial would learn that it is measured on: the same texts, but for case and spacing."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from trainables import alignment, cache, data
from trainables.alignment import normalised
from trainables.counterfactual import Rule, Words

if TYPE_CHECKING:
    from trainables.config import AlignmentConfig, Family, TrialConfig
    from trainables.evaluators import Evaluator

FOUND_BY = (*data.MADE_BY, "overlap.py", "evaluators/*.py", "labelled.py")


class Overlap(NamedTuple):
    """How many texts an evaluator shares with an alignment set, and one of them."""

    evaluator: str
    texts: int
    example: str


def refuse_overlap(config: TrialConfig) -> None:
    """Nothing that is learnt may be measured on, unless the trial says that it may.

    All texts of the set count, whatever the size and seed by which some are drawn. General text is
    not looked at here: what is held out of it is never learnt, see stream.py.

    Raises:
        ValueError: an evaluator has texts of the alignment set; which, and what to do.
    """
    if faults := faults_of(config):
        raise ValueError(faults[0])


def faults_of(config: TrialConfig) -> list[str]:
    """A sentence for each evaluator that shares texts; none if the trial allows it."""
    if config.allow_overlap:
        return []
    asked, family = config.alignment, config.model.family
    return [
        f"alignment.data must have no text that is measured on, but {asked.data} has {found.texts} of "
        f"{found.evaluator}, such as {found.example!r}: take another set or split, or say "
        "allow_overlap: true, which is recorded."
        for evaluator in config.evaluators
        if (found := overlap(asked, evaluator, family)).texts
    ]


def overlap(asked: AlignmentConfig, evaluator: Evaluator, family: Family) -> Overlap:
    """What the two share; looked for once, and kept in the cache for all trials."""
    dataset = evaluator.metrics(family)[0].name.split("/")[1]
    aligned = (asked.data, asked.swap, asked.words, data.digest(asked.data))
    told = [*aligned, evaluator.model_dump(mode="json"), evaluator.data_digest()]
    key = hashlib.sha256(
        f"{cache.source_digest(*FOUND_BY)} {json.dumps(told, sort_keys=True)}".encode()
    ).hexdigest()[:24]

    def build(folder: Path) -> None:
        texts = {normalised(text): text for text in evaluator.texts()}
        learnt = _learnt(*aligned) if texts else frozenset()
        shared = sorted(text for key, text in texts.items() if _digest(key) in learnt)
        (folder / "shared.json").write_text(json.dumps([len(shared), *shared[:1]]))

    kept = cache.once(f"overlaps/{key}", build) / "shared.json"
    texts, *example = json.loads(kept.read_text())
    name = evaluator.name if dataset == evaluator.name else f"{evaluator.name} ({dataset})"
    return Overlap(name, texts, "".join(example))


@lru_cache(maxsize=1)
def _learnt(name: str, rule: Rule, words: Words, _digest_of_data: str) -> frozenset[bytes]:
    """The digest of every text of an alignment set."""
    pairs = alignment.read_pairs(name, rule, words)
    return frozenset(_digest(normalised(text)) for pair in pairs for text in pair[:2])


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=12).digest()
