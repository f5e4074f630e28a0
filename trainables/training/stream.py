"""What a trial trains on, step by step: a function of its configuration and its seed alone."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainables.data import tables
from trainables.data.comparisons import ComparedPair, ComparedPairs
from trainables.data.queries import Query, training_query
from trainables.training.mixture import epochs, mix

if TYPE_CHECKING:
    from trainables.config import TrialConfig
    from trainables.models.language_model import LanguageModel


@dataclass(frozen=True)
class MicroBatch:
    """A part of one step, small enough for one forward.

    share:  its share of the step.
    texts, texts_share:     queries to train on; their share of the step's mean over tokens.
    pairs, pairs_share:     compared pairs; their share of the step's mean over pairs.
    anchors, anchors_share: the regulariser's own texts; their share of the mean over their tokens.

    Where an objective trains on no text, replayed texts count as their share of the step's items, so
    that the ratio is the weight of replay there too.
    """

    share: float
    texts: Sequence[Query]
    texts_share: float
    pairs: Sequence[ComparedPair]
    pairs_share: float
    anchors: Sequence[Query]
    anchors_share: float


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
        measured = _measured_on(config, model)
        alignment = config.alignment
        pairs = tables.pairs(alignment.data, model.tokenizer, alignment.swap, alignment.words)
        rows = pairs[:]  # whole columns: row by row takes many times as long
        sides_of = zip(rows["stereotype_ids"], rows["antistereotype_ids"], strict=True)
        aligned = [(tuple(more), tuple(less)) for more, less in sides_of]
        fresh = [n for n, pair in enumerate(aligned) if measured.isdisjoint(pair)]
        table = _drawn(pairs if len(fresh) == len(aligned) else pairs.select(fresh), config)
        compares, max_tokens = config.objective.compares, config.train.max_tokens
        self.pairs = ComparedPairs(table, model.tokenizer, compares, max_tokens)
        if compares is not None and not self.pairs.any_differ():
            raise ValueError(
                f"objective {config.objective.name} compares the texts of a pair, but as the model "
                f"reads the first {max_tokens} tokens (train.max_tokens) none of the "
                f"{len(self.pairs)} pairs of {alignment.data} differ."
            )
        # Without a side to learn, a pair is only compared.
        sides = config.objective.trains_on or (None,)
        self.new = [(pair, side) for pair in range(len(self.pairs)) for side in sides]
        taken = measured.union(*aligned)
        replay = config.replay
        self.old: Any = []
        if replay and replay.ratio:
            self.old = _not_among(taken, tables.texts(replay.data, "replay", model.tokenizer))
        mixture = mix(
            len(self.new),
            len(self.old),
            replay.ratio if replay else 0.0,
            length=config.train.steps * config.train.batch_size,
            seed=config.seed,
        )
        self.items, self.shortfall = mixture.items, mixture.shortfall
        self.anchors = _anchors(config, model, taken)

    def micro_batches(self, step: int) -> Iterator[MicroBatch]:
        """Yield the micro-batches of one step; their shares sum to the same, however many there are."""
        train = self.config.train
        first = step * train.batch_size
        items = list(enumerate(self.items[first : first + train.batch_size], start=first))
        texts = [self._to_learn(place, *item) for place, item in items]
        pairs = [self._compared(place, *item) for place, item in items]
        anchors = self._anchors_of(step)
        num_targets = _num_targets(texts)
        of_items = sum(text is not None for text in texts) / train.batch_size
        num_pairs = sum(pair is not None for pair in pairs)
        num_anchored = _num_targets(anchors)
        size = train.batch_size // train.accumulation
        for part in range(train.accumulation):
            here = slice(part * size, (part + 1) * size)
            learnt = [text for text in texts[here] if text is not None]
            twins = [pair for pair in pairs[here] if pair is not None]
            held = anchors[part :: train.accumulation]
            yield MicroBatch(
                1 / train.accumulation,
                learnt,
                of_items * _num_targets(learnt) / max(1, num_targets),
                twins,
                len(twins) / max(1, num_pairs),
                held,
                _num_targets(held) / max(1, num_anchored),
            )

    def _to_learn(self, place: int, is_old: bool, index: int) -> Query | None:
        if is_old:
            ids = self.old[index]["ids"]
        else:
            pair, side = self.new[index]
            if side is None:
                return None
            row = self.pairs.table[pair]
            if side in ("original", "twin"):
                stereotype = (side == "original") == row["original_is_stereotype"]
                side = "stereotype" if stereotype else "antistereotype"
            ids = row[f"{side}_ids"]
        max_tokens = self.config.train.max_tokens
        return training_query(self.model.tokenizer, ids[:max_tokens], f"{self.config.seed} {place}")

    def _compared(self, place: int, is_old: bool, index: int) -> ComparedPair | None:
        if is_old or self.config.objective.compares is None:
            return None
        return self.pairs.compared(self.new[index][0], f"{self.config.seed} {place}")

    def _anchors_of(self, step: int) -> list[Query]:
        """Of the same text a masked model always has the same masks, so that the base's answer is
        worked out once.
        """
        cut = [tuple(ids[: self.config.train.max_tokens]) for ids in self.anchors[step]]
        return [training_query(self.model.tokenizer, ids, f"anchor {ids}") for ids in cut]


def _drawn(pairs: Any, config: TrialConfig) -> Any:
    """alignment.size of the pairs, drawn by a seed of its own: the same for replicates and for every
    recipe.
    """
    asked = config.alignment
    if asked.size is None:
        return pairs
    if asked.size > len(pairs):
        raise ValueError(
            f"alignment.size must be at most the {len(pairs)} pairs of {asked.data}, "
            f"but got {asked.size}."
        )
    rng = random.Random(f"alignment {asked.seed}" if asked.seed else "alignment")
    return pairs.select(sorted(rng.sample(range(len(pairs)), asked.size)))


def _anchors(
    config: TrialConfig, model: LanguageModel, taken: set[tuple[int, ...]]
) -> list[list[Sequence[int]]]:
    """The regulariser's own texts of each step."""
    if config.regulariser.anchor is None:
        return [[]] * config.train.steps
    name, size = config.regulariser.anchor
    own = _not_among(taken, tables.texts(name, "replay", model.tokenizer))[:]["ids"]
    order = epochs(len(own), f"anchors {config.seed}")
    return [[own[n] for n in itertools.islice(order, size)] for _ in range(config.train.steps)]


def _num_targets(queries: Sequence[Query | None]) -> int:
    return sum(len(query.targets) for query in queries if query is not None)


def _not_among(taken: set[tuple[int, ...]], table: Any) -> Any:
    kept = [n for n, ids in enumerate(table[:]["ids"]) if tuple(ids) not in taken]
    if not kept:
        raise ValueError(
            "general texts to replay, or of the regulariser, must be others than those aligned and "
            "measured on, but all of them are among these: give another set."
        )
    return table if len(kept) == len(table) else table.select(kept)


def _measured_on(config: TrialConfig, model: LanguageModel) -> set[tuple[int, ...]]:
    """The general texts that the trial's evaluators keep for themselves."""
    general = (evaluator.general for evaluator in config.evaluators)
    names = {name for name in general if name}
    return {
        tuple(ids)
        for name in names
        for ids in tables.texts(name, "held_out", model.tokenizer)[:]["ids"]
    }
