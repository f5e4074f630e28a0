"""Predictions for all terms of a loss from one forward.

Texts to train on, both sides of the pairs and the regulariser's texts go through the model together.
Equal rows are read once: the original of a pair is often a text to train on too. On a CPU rows of
like length go together, since padding costs as much as text.

R = distinct rows of the forward, M = places predicted in them. For the predictions of one group of
queries: B = rows, T = tokens, N = predicted tokens in reading order, V = vocabulary, L = layers and
the embeddings, D = width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from trainables.data.queries import Query
from trainables.models.forward import predict

if TYPE_CHECKING:
    from trainables.models.language_model import LanguageModel

Per = Literal["token", "sentence"]
# On a CPU a further forward costs about as much as this number of tokens of padding. On a GPU it costs
# more than any padding here.
FORWARD_COST = 128


class Forward:
    """One forward of a model, with gradient, over the distinct rows among all queries.

    Attributes:
        row_of: token ids -> number r of their row; rows are sorted by length.
        place_of: (r, position) -> number m of a place that some query predicts.
        lengths_R: tokens of each row, ascending.
        logits_MV: logits at each place.
        hidden: hidden states of all rows, one tensor of shape RTD for the embeddings and each layer;
            empty unless requested.
    """

    def __init__(self, model: LanguageModel, queries: Sequence[Query], *, hidden: bool) -> None:
        """Read the rows: on a CPU in batches of like length, unless `hidden` states are requested.

        Where processes share each weight, every one must make as many forwards: all rows are one batch.
        """
        positions: dict[tuple[int, ...], set[int]] = {}
        for query in queries:
            positions.setdefault(tuple(query.ids), set()).update(query.targets)
        self.model = model
        # Rows of one length stay in the order of the queries.
        rows = sorted(positions, key=len)
        self.row_of = {ids: r for r, ids in enumerate(rows)}
        self.lengths_R = [len(ids) for ids in rows]
        places = [(r, t) for r, ids in enumerate(rows) for t in sorted(positions[ids])]
        self.place_of = {place: m for m, place in enumerate(places)}
        # Hidden states of all rows must be one tensor a layer.
        in_batches = model.device.type == "cpu" and not hidden and not model.is_sharded
        logits = []
        batches = (
            cheapest_batches(self.lengths_R, FORWARD_COST) if in_batches else [range(len(rows))]
        )
        for batch in batches:
            texts = model.batch([Query(rows[r], {}) for r in batch])
            length = texts.ids_BT.shape[1]
            flat = [(r - batch[0]) * length + t for r, t in places if r in batch]
            places_N = torch.tensor(flat, dtype=torch.long)
            output = predict(model.module, places_N, texts.inputs, hidden=hidden)
            logits.append(output.logits_NV)
        self.logits_MV = torch.cat(logits)
        self.hidden = output.hidden

    @cached_property
    def log_normaliser_M(self) -> Tensor:
        """log Σ exp of the logits at each place, in fp32."""
        return self.logits_MV.float().logsumexp(-1)


def cheapest_batches(lengths: Sequence[int], forward_cost: int) -> list[range]:
    """Return batches of consecutive rows with the least cost in sum.

    A batch costs its tokens when each row is padded to the longest, and `forward_cost` tokens more.

    lengths: tokens of each row, ascending.
    """
    # For the first n rows: the least cost, and where the last batch begins that attains it.
    costs, starts = [0], [0]
    for stop in range(1, len(lengths) + 1):
        width = lengths[stop - 1]
        options = ((costs[k] + (stop - k) * width + forward_cost, k) for k in range(stop))
        cost, start = min(options)
        costs.append(cost)
        starts.append(start)
    batches, stop = [], len(lengths)
    while stop:
        batches.append(range(starts[stop], stop))
        stop = starts[stop]
    return batches[::-1]


class Predictions:
    """Predictions of the model and of the frozen base for a group of queries.

    Attributes:
        queries: the group; its b-th query is row b.
        num_rows: number of queries, B.
        rows_N: the row of each predicted token.
        targets_N: the token to predict at each place.
    """

    def __init__(self, forward: Forward, queries: Sequence[Query], *, recurs: bool) -> None:
        """Look the queries up in a forward that has read them.

        recurs: whether the same rows come again, in this trial or another, so that the base's
            predictions for them are worth caching (trainables/models/base_cache.py).
        """
        self.queries = queries
        self.num_rows = len(queries)
        self._recurs = recurs
        self._forward = forward
        self._model = forward.model
        rows = [forward.row_of[tuple(query.ids)] for query in queries]
        places = [
            forward.place_of[r, t]
            for r, query in zip(rows, queries, strict=True)
            for t in query.targets
        ]
        self.rows_N = self._long([b for b, query in enumerate(queries) for _ in query.targets])
        self.targets_N = self._long([t for query in queries for t in query.targets.values()])
        self._places_N = self._long(places)
        self._rows_B = self._long(rows)

    @cached_property
    def token_log_prob_N(self) -> Tensor:
        """log p of each target, in nats, in fp32, with gradient."""
        logits_N = self._forward.logits_MV[self._places_N, self.targets_N].float()
        return logits_N - self._forward.log_normaliser_M[self._places_N]

    @cached_property
    def log_prob_NV(self) -> Tensor:
        """log p of every token of the vocabulary at each place, in nats, in fp32, with gradient."""
        logits_NV = self._forward.logits_MV[self._places_N].float()
        return logits_NV - self._forward.log_normaliser_M[self._places_N][:, None]

    def log_likelihood(self, per: Per) -> Tensor:
        """Return log p of each row's targets, in nats, with gradient: shape B.

        per: `sentence` for their sum, `token` for their mean.
        """
        return self.by_row(self.token_log_prob_N, per)

    @cached_property
    def base_log_prob_NV(self) -> Tensor:
        """As log_prob_NV, for the base in the module's precision, without gradient."""
        return self._base_logits().log_softmax(-1)

    def base_log_likelihood(self, per: Per) -> Tensor:
        """Return log p of each row's targets under the base, in nats, without gradient: shape B.

        per: `sentence` for their sum, `token` for their mean.
        """
        logits_NV = self._base_logits()
        target_logits_N = logits_NV.gather(1, self.targets_N[:, None])[:, 0]
        return self.by_row(target_logits_N - logits_NV.logsumexp(-1), per)

    def _base_logits(self) -> Tensor:
        """Return logits_NV of the base in fp32: from its cache if the rows recur, else computed."""
        base_cache = self._model.base_cache if self._recurs else None
        if base_cache is not None:
            return base_cache.logits(self.queries).float()
        return self._model.base_logits(self._model.batch(self.queries)).float()

    def by_row(self, values_N: Tensor, per: Per) -> Tensor:
        """Return the sum (`sentence`) or mean (`token`) of the values of each row's targets: shape B.

        A row without targets has 0.
        """
        total_B = values_N.new_zeros(self.num_rows).index_add(0, self.rows_N, values_N)
        if per == "sentence":
            return total_B
        counts_B = torch.bincount(self.rows_N, minlength=self.num_rows)
        return total_B / counts_B.clamp(min=1)

    @cached_property
    def is_target_BT(self) -> Tensor:
        """Whether a query has a target at the position."""
        is_target_BT = torch.zeros_like(self.is_text_BT)
        positions_N = self._long([t for query in self.queries for t in query.targets])
        is_target_BT[self.rows_N, positions_N] = True
        return is_target_BT

    @cached_property
    def is_text_BT(self) -> Tensor:
        """Whether the position holds a token of the text: neither padding, nor a start or end token."""
        lengths_B = torch.tensor([len(query.ids) for query in self.queries])
        is_text_BT = torch.arange(self._forward.lengths_R[-1]) < lengths_B[:, None]
        is_text_BT = is_text_BT.to(self._model.device)
        is_text_BT[:, : len(self._model.tokenizer.start_ids)] = False
        if self._model.family == "masked":
            is_text_BT[torch.arange(self.num_rows), is_text_BT.sum(1)] = False  # the end token
        return is_text_BT

    @cached_property
    def states_LBTD(self) -> Tensor:
        """Hidden states of the embeddings and of every layer, in fp32, with gradient."""
        return torch.stack([layer[self._rows_B] for layer in self._forward.hidden]).float()

    @cached_property
    def base_states_LBTD(self) -> Tensor:
        """As states_LBTD, for the base, without gradient."""
        length = self._forward.lengths_R[-1]
        states_LBTD = self._model.base_states(self.queries)
        return torch.nn.functional.pad(states_LBTD, (0, 0, 0, length - states_LBTD.shape[2]))

    def _long(self, values: list[int]) -> Tensor:
        """Return integers as a tensor on the model's device."""
        return torch.tensor(values, dtype=torch.long, device=self._model.device)


@dataclass(frozen=True)
class PairPredictions:
    """Predictions for P pairs; row p of the stereotypes and row p of the antistereotypes are twins.

    real_share_P: share of the people in the pair's occupation who are of the stereotype's gender;
        NaN where it is not known.
    prepared:     the result of the objective's `prepare`.
    """

    stereotype: Predictions
    antistereotype: Predictions
    real_share_P: Tensor
    prepared: Any = None


def predict_jointly(
    model: LanguageModel,
    groups: Mapping[str, Sequence[Query]],
    *,
    recurring: frozenset[str] = frozenset(),
    hidden: bool = False,
) -> dict[str, Predictions]:
    """Return the predictions for each group of queries, from one forward over all of them.

    recurring: names of the groups whose rows come again, so that the base's predictions are cached.
    hidden: whether `states_LBTD` can be read of the predictions.
    """
    forward = Forward(model, [q for group in groups.values() for q in group], hidden=hidden)
    return {
        name: Predictions(forward, group, recurs=name in recurring)
        for name, group in groups.items()
    }
