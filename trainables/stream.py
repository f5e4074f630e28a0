"""What a trial trains on, step by step: a function of its configuration and its seed alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainables import data
from trainables.batch import PairBatch, Query, TextBatch, padded, to_learn, twins
from trainables.overlap import refuse_overlap
from trainables.replay import mix

if TYPE_CHECKING:
    from trainables.config import TrialConfig
    from trainables.model import LanguageModel


@dataclass(frozen=True)
class Part:
    """A part of one step, small enough for one forward, and its share of the step's two means."""

    texts: TextBatch
    texts_share: float
    pairs: PairBatch | None
    pairs_share: float


class Stream:
    """Texts to learn (the objective's sides of each pair, mixed with replayed ones) and their pairs.

    No text is learnt that forgetting is measured on, and none is replayed that is aligned on,
    whatever files they came from.

    Attributes:
        shortfall: replayed texts that the ratio asks for and the replay set does not have.
    """

    def __init__(self, config: TrialConfig, model: LanguageModel) -> None:
        self.config = config
        self.model = model
        refuse_overlap(config)
        measured = _measured_on(config, model)
        asked = config.alignment
        self.pairs = data.pairs(asked.data, model, asked.swap, asked.words)
        sides_of = zip(self.pairs["stereotype_ids"], self.pairs["antistereotype_ids"], strict=True)
        aligned = [(tuple(more), tuple(less)) for more, less in sides_of]
        fresh = [n for n, pair in enumerate(aligned) if measured.isdisjoint(pair)]
        if len(fresh) < len(aligned):
            self.pairs = self.pairs.select(fresh)
        size = asked.size
        if size is not None:
            if size > len(self.pairs):
                raise ValueError(
                    f"alignment.size must be at most the {len(self.pairs)} pairs of "
                    f"{asked.data}, but got {size}."
                )
            # Drawn by a seed of its own: the same pairs for replicates and for every recipe.
            rng = random.Random(f"alignment {asked.seed}" if asked.seed else "alignment")
            self.pairs = self.pairs.select(sorted(rng.sample(range(len(self.pairs)), size)))
        sides = config.objective.learns
        self.new = [(pair, side) for pair in range(len(self.pairs)) for side in sides]
        replay = config.replay
        self.old: Any = []
        if replay and replay.ratio:
            self.old = data.texts(replay.data, "replay", model)
            taken = measured.union(*aligned)
            kept = [n for n, ids in enumerate(self.old["ids"]) if tuple(ids) not in taken]
            if len(kept) < len(self.old):
                self.old = self.old.select(kept)
        mixture = mix(
            len(self.new),
            len(self.old),
            replay.ratio if replay else 0.0,
            length=config.train.steps * config.train.batch_size,
            seed=config.seed,
        )
        self.items, self.shortfall = mixture.items, mixture.shortfall

    def parts(self, step: int) -> Iterator[Part]:
        """The parts of one step. Their shares sum to 1, so how many there are changes nothing."""
        train = self.config.train
        first = step * train.batch_size
        items = list(enumerate(self.items[first : first + train.batch_size], start=first))
        queries = [self._to_learn(place, *item) for place, item in items]
        pairs = [self._twins(item) for _, item in items]
        num_targets = sum(len(query.targets) for query in queries)
        num_pairs = sum(pair is not None for pair in pairs)
        size = train.batch_size // train.accumulation
        for low in range(0, train.batch_size, size):
            texts = queries[low : low + size]
            twin = [pair for pair in pairs[low : low + size] if pair is not None]
            yield Part(
                padded(self.model, texts),
                sum(len(query.targets) for query in texts) / num_targets,
                _pair_batch(self.model, twin) if twin else None,
                len(twin) / max(1, num_pairs),
            )

    def _to_learn(self, place: int, is_old: bool, index: int) -> Query:
        if is_old:
            ids = self.old[index]["ids"]
        else:
            pair, side = self.new[index]
            row = self.pairs[pair]
            stereotype = (side == "original") == row["original_is_stereotype"]
            ids = row["stereotype_ids" if stereotype else "antistereotype_ids"]
        max_tokens = self.config.train.max_tokens
        return to_learn(self.model, ids[:max_tokens], f"{self.config.seed} {place}")

    def _twins(self, item: tuple[bool, int]) -> tuple[Query, Query] | None:
        is_old, index = item
        if is_old or not self.config.objective.compares:
            return None
        row = self.pairs[self.new[index][0]]
        max_tokens = self.config.train.max_tokens
        return twins(
            self.model, row["stereotype_ids"][:max_tokens], row["antistereotype_ids"][:max_tokens]
        )


def _measured_on(config: TrialConfig, model: LanguageModel) -> set[tuple[int, ...]]:
    """The general texts that the trial's evaluators keep for themselves."""
    general = (getattr(evaluator, "general", None) for evaluator in config.evaluators)
    names = {name for name in general if name}
    return {tuple(ids) for name in names for ids in data.texts(name, "held_out", model)["ids"]}


def _pair_batch(model: LanguageModel, pairs: list[tuple[Query, Query]]) -> PairBatch:
    return PairBatch(
        padded(model, [more for more, _ in pairs]), padded(model, [less for _, less in pairs])
    )
