"""The micro-batches that a trial trains on: a function of its configuration and seed alone."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainables.data import tables
from trainables.data.comparisons import ComparedPair, ComparedPairs
from trainables.data.queries import Query, room, training_query
from trainables.schema.counted import counted
from trainables.training.mixture import epochs, mix
from trainables.training.ranks import ALONE

if TYPE_CHECKING:
    from trainables.config import TrialConfig
    from trainables.models.language_model import LanguageModel
    from trainables.training.ranks import Ranks

TextIds = set[tuple[int, ...]]  # texts, each by its token ids


@dataclass(frozen=True)
class MicroBatch:
    """A part of one step, small enough for one forward.

    part:                   its number among the micro-batches of the step, of all processes.
    share:                  its share of the step.
    texts, texts_share:     queries to train on; their share of the step's mean over tokens.
    pairs, pairs_share:     compared pairs; their share of the step's mean over pairs.
    anchors, anchors_share: the regulariser's own texts; their share of the mean over their tokens.

    Where an objective trains on no text, replayed texts count as their share of the step's items, so
    that the ratio is the weight of replay there too.
    """

    part: int
    share: float
    texts: Sequence[Query]
    texts_share: float
    pairs: Sequence[ComparedPair]
    pairs_share: float
    anchors: Sequence[Query]
    anchors_share: float


class Stream:
    """The texts and pairs of a trial, step by step.

    The objective names the sides of each pair that are trained on; replayed texts are mixed in. No
    text is trained on that forgetting is measured on, and no pair's text is replayed, whatever files
    they came from.

    Attributes:
        config: the trial.
        model: the model whose tokenizer encodes the texts.
        pairs: the alignment pairs of the trial.
        new: (number of the pair, side of it to train on, or None) of each new item.
        old: the table of replayed texts; empty without replay.
        items: (is_old, index into `old` or `new`) of each item of training, in order.
        shortfall: number of replayed texts that the ratio requires beyond those in the replay set.
        anchors: the token ids of the regulariser's own texts, for each step.
        max_tokens: where a text is cut: at train.max_tokens, or before at the model's positions.
    """

    def __init__(self, config: TrialConfig, model: LanguageModel) -> None:
        """Read and mix all texts of a trial.

        Raises:
            ValueError: the data do not fit the trial, such as too few pairs, or pairs that do not
                differ where the objective compares them.
        """
        self.config = config
        self.model = model
        self.max_tokens = min(config.train.max_tokens, room(model.tokenizer))
        held_out = _held_out_texts(config, model)
        alignment = config.alignment
        table = tables.pairs(alignment.data, model.tokenizer, alignment.swap, alignment.words)
        columns = table[:]  # whole columns: row by row takes many times as long
        sides = zip(columns["stereotype_ids"], columns["antistereotype_ids"], strict=True)
        pairs_ids = [(tuple(more), tuple(less)) for more, less in sides]
        numbers = [n for n, pair_ids in enumerate(pairs_ids) if held_out.isdisjoint(pair_ids)]
        table = table if len(numbers) == len(pairs_ids) else table.select(numbers)
        self.pairs = self._compared_pairs(_draw_pairs(table, config))
        # An objective that trains on no side only compares the pairs.
        trained_sides = config.objective.trains_on or (None,)
        self.new = [(pair, side) for pair in range(len(self.pairs)) for side in trained_sides]
        excluded = held_out.union(*pairs_ids)
        ratio = config.replay.ratio if config.replay else 0.0
        self.old: Any = []
        if config.replay and ratio:
            texts = tables.texts(config.replay.data, "replay", model.tokenizer)
            self.old = _without(excluded, texts)
        length = config.train.steps * config.train.batch_size
        mixture = mix(len(self.new), len(self.old), ratio, length=length, seed=config.seed)
        self.items, self.shortfall = mixture.items, mixture.shortfall
        self.anchors = _draw_anchors(config, model, excluded)

    def micro_batches(self, step: int, ranks: Ranks = ALONE) -> Iterator[MicroBatch]:
        """Yield the `accumulation` micro-batches of a step that are this process's.

        Each kind of share sums to the same over the step and all processes, however many micro-batches
        there are.
        """
        train = self.config.train
        first = step * train.batch_size
        items = list(enumerate(self.items[first : first + train.batch_size], start=first))
        texts = [self._text_query(place, *item) for place, item in items]
        pairs = [self._compared_pair(place, *item) for place, item in items]
        anchors = self._anchor_queries(step)
        num_targets = _num_targets(texts)
        share_with_text = sum(text is not None for text in texts) / train.batch_size
        num_pairs = sum(pair is not None for pair in pairs)
        num_anchor_targets = _num_targets(anchors)
        num_parts = train.accumulation * ranks.size
        size = train.batch_size // num_parts
        first_part = train.accumulation * ranks.rank
        for part in range(first_part, first_part + train.accumulation):
            places = slice(part * size, (part + 1) * size)
            part_texts = [text for text in texts[places] if text is not None]
            part_pairs = [pair for pair in pairs[places] if pair is not None]
            part_anchors = anchors[part::num_parts]
            yield MicroBatch(
                part=part,
                share=1 / num_parts,
                texts=part_texts,
                texts_share=share_with_text * _num_targets(part_texts) / max(1, num_targets),
                pairs=part_pairs,
                pairs_share=len(part_pairs) / max(1, num_pairs),
                anchors=part_anchors,
                anchors_share=_num_targets(part_anchors) / max(1, num_anchor_targets),
            )

    def _text_query(self, place: int, is_old: bool, index: int) -> Query | None:
        """Return the query to train on for an item; None if the objective trains on no text of it.

        place: number of the item in training, a part of the seed of a masked model's masks.
        is_old, index: the item, as in `items`.
        """
        if is_old:
            ids = self.old[index]["ids"]
        else:
            pair, side = self.new[index]
            if side is None:
                return None
            row = self.pairs.table[pair]
            if side in ("original", "twin"):
                is_stereotype = (side == "original") == row["original_is_stereotype"]
                side = "stereotype" if is_stereotype else "antistereotype"
            ids = row[f"{side}_ids"]
        seed = f"{self.config.seed} {place}"
        return training_query(self.model.tokenizer, ids[: self.max_tokens], seed)

    def _compared_pair(self, place: int, is_old: bool, index: int) -> ComparedPair | None:
        """Return the pair of an item; None for a replayed text, or if the objective compares nothing.

        The arguments are those of `_text_query`.
        """
        if is_old or self.config.objective.compares is None:
            return None
        return self.pairs.compared(self.new[index][0], f"{self.config.seed} {place}")

    def _anchor_queries(self, step: int) -> list[Query]:
        """Return the queries of the regulariser's own texts of a step.

        A text has the same masks each time, so that the base's predictions are computed once.
        """
        texts = [tuple(ids[: self.max_tokens]) for ids in self.anchors[step]]
        return [training_query(self.model.tokenizer, ids, f"anchor {ids}") for ids in texts]

    def _compared_pairs(self, table: Any) -> ComparedPairs:
        """Return the rows of a table as pairs that the objective compares.

        Raises:
            ValueError: the objective compares pairs, and none differ within `max_tokens` tokens.
        """
        objective, train = self.config.objective, self.config.train
        pairs = ComparedPairs(table, self.model.tokenizer, objective.compares, self.max_tokens)
        if objective.compares is not None and not pairs.any_differ():
            is_cut = self.max_tokens == train.max_tokens
            raise ValueError(
                f"objective {objective.name} compares the texts of a pair, but as the model "
                f"reads the first {counted(self.max_tokens, 'token')} "
                f"({'train.max_tokens' if is_cut else 'its positions'}) none of the "
                f"{counted(len(pairs), 'pair')} of {self.config.alignment.data} differs."
            )
        return pairs


def _draw_pairs(table: Any, config: TrialConfig) -> Any:
    """Return `alignment.size` rows of a table of pairs, or all of them if no size is given.

    The draw depends on `alignment.seed` alone, so replicates and all recipes have the same pairs.

    Raises:
        ValueError: the table has fewer rows.
    """
    alignment = config.alignment
    if alignment.size is None:
        return table
    if alignment.size > len(table):
        raise ValueError(
            f"alignment.size must be at most the {counted(len(table), 'pair')} of {alignment.data} "
            f"that forgetting is not measured on, but got {alignment.size}."
        )
    rng = random.Random(f"alignment {alignment.seed}" if alignment.seed else "alignment")
    return table.select(sorted(rng.sample(range(len(table)), alignment.size)))


def _draw_anchors(
    config: TrialConfig, model: LanguageModel, excluded: TextIds
) -> list[list[Sequence[int]]]:
    """Return the token ids of the regulariser's own texts of each step: in shuffled epochs.

    excluded: texts that must not be among them.
    """
    if config.regulariser.anchor is None:
        return [[]] * config.train.steps
    name, size = config.regulariser.anchor
    texts = _without(excluded, tables.texts(name, "replay", model.tokenizer))[:]["ids"]
    order = epochs(len(texts), f"anchors {config.seed}")
    return [[texts[n] for n in itertools.islice(order, size)] for _ in range(config.train.steps)]


def _num_targets(queries: Sequence[Query | None]) -> int:
    """Return how many targets the queries have together; None counts as a query without targets."""
    return sum(len(query.targets) for query in queries if query is not None)


def _without(excluded: TextIds, table: Any) -> Any:
    """Return the rows of a table of general texts that are not excluded.

    Raises:
        ValueError: none is left.
    """
    numbers = [n for n, ids in enumerate(table[:]["ids"]) if tuple(ids) not in excluded]
    if not numbers:
        raise ValueError(
            "general texts to replay, or for the regulariser, must be others than those that are "
            "aligned and measured on, but all of them are among these: give another set."
        )
    return table if len(numbers) == len(table) else table.select(numbers)


def _held_out_texts(config: TrialConfig, model: LanguageModel) -> TextIds:
    """Return the general texts that the trial's evaluators measure forgetting on."""
    names = set(config.measured_texts().values())
    return {
        tuple(ids)
        for name in names
        for ids in tables.texts(name, "held_out", model.tokenizer)[:]["ids"]
    }
