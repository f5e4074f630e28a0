"""What a model predicts of a batch, read once for all terms of the loss.

Texts to learn, both sides of the pairs and the regulariser's texts go through the model together, and
a row that several of them ask something of is read once: the original of a pair is often the very
text that is learnt. On a CPU rows of like length are batched, since padding costs what text costs.

R = rows of the forward, T = tokens, M = its predicted places; of one reading of it B = rows,
N = predicted tokens in reading order; V = vocabulary, L = layers (and the embeddings), D = width.
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
# On a CPU padding costs what text costs, and a forward of its own what so many tokens do. On a GPU
# a second forward costs more than padding.
A_FORWARD = 128


class Forward:
    """One forward of the model over the different rows among all queries, with gradient."""

    def __init__(self, model: LanguageModel, queries: Sequence[Query], *, hidden: bool) -> None:
        places: dict[tuple[int, ...], set[int]] = {}
        for query in queries:
            places.setdefault(tuple(query.ids), set()).update(query.targets)
        self.model = model
        by_length = sorted(places.items(), key=lambda row: len(row[0]))  # the same for equal ids
        self.row = {ids: r for r, (ids, _) in enumerate(by_length)}
        self.lengths_R = [len(ids) for ids in self.row]
        asked = [(r, t) for r, (_, of_row) in enumerate(by_length) for t in sorted(of_row)]
        self.place = {place: m for m, place in enumerate(asked)}
        # What is asked of hidden states needs them in one piece.
        apart = model.device.type == "cpu" and not hidden
        logits = []
        for rows in cut(self.lengths_R, A_FORWARD) if apart else [range(len(by_length))]:
            batch = model.batch([Query(by_length[r][0], {}) for r in rows])
            length = batch.ids_BT.shape[1]
            at = [(r - rows[0]) * length + t for r, t in asked if r in rows]
            found = predict(
                model.module,
                torch.tensor(at, dtype=torch.long),
                {"input_ids": batch.ids_BT, "attention_mask": batch.attention_BT},
                hidden=hidden,
            )
            logits.append(found.logits_NV)
        self.logits_MV = torch.cat(logits)
        self.hidden = found.hidden

    @cached_property
    def log_normaliser_M(self) -> Tensor:
        return self.logits_MV.float().logsumexp(-1)


def cut(lengths: Sequence[int], a_forward: int) -> list[range]:
    """Rows, shortest first, in runs that cost least when each is padded to its longest.

    A run costs its padded tokens and `a_forward` more, so that none is made for a few tokens.
    """
    least, began = [0], [0]  # for the rows before each: what they cost, where their last run begins
    for stop in range(1, len(lengths) + 1):
        width = lengths[stop - 1]
        cost, start = min((least[k] + (stop - k) * width + a_forward, k) for k in range(stop))
        least.append(cost)
        began.append(start)
    runs, stop = [], len(lengths)
    while stop:
        runs.append(range(began[stop], stop))
        stop = began[stop]
    return runs[::-1]


class Predictions:
    """What the forward found of these queries, and what the base model says of them.

    recurs: whether the same rows come again, in this trial or another, so that what the base says
        of them is kept (trainables/models/base_cache.py).
    """

    def __init__(self, forward: Forward, queries: Sequence[Query], *, recurs: bool) -> None:
        self.queries = queries
        self.num_rows = len(queries)
        self.recurs = recurs
        self._forward = forward
        self._model = forward.model
        rows = [forward.row[tuple(query.ids)] for query in queries]
        self.rows_N = self._long([b for b, query in enumerate(queries) for _ in query.targets])
        self.targets_N = self._long([t for query in queries for t in query.targets.values()])
        self._places_N = self._long(
            [forward.place[r, t] for r, query in zip(rows, queries, strict=True) for t in query.targets]
        )  # fmt: skip
        self._rows_B = self._long(rows)

    @cached_property
    def token_log_prob_N(self) -> Tensor:
        """log p of each token asked for, in nats, in fp32, with gradient."""
        chosen_N = self._forward.logits_MV[self._places_N, self.targets_N].float()
        return chosen_N - self._forward.log_normaliser_M[self._places_N]

    @cached_property
    def log_prob_NV(self) -> Tensor:
        """log p of every token at each place, in nats, in fp32, with gradient."""
        logits_NV = self._forward.logits_MV[self._places_N].float()
        return logits_NV - self._forward.log_normaliser_M[self._places_N][:, None]

    def log_likelihood(self, per: Per) -> Tensor:
        """Σ (per sentence) or mean (per token) of log p of a row's tokens, in nats: shape B."""
        return self.by_row(self.token_log_prob_N, per)

    @cached_property
    def base_log_prob_NV(self) -> Tensor:
        """As log_prob_NV, of the base model in the module's precision, without gradient."""
        return self._base_logits().log_softmax(-1)

    def base_log_likelihood(self, per: Per) -> Tensor:
        """As log_likelihood, of the base model, without gradient."""
        logits_NV = self._base_logits()
        chosen_N = logits_NV.gather(1, self.targets_N[:, None])[:, 0]
        return self.by_row(chosen_N - logits_NV.logsumexp(-1), per)

    def _base_logits(self) -> Tensor:
        reference = self._model.reference if self.recurs else None
        if reference is not None:
            return reference.logits(self.queries).float()
        return self._model.base_logits(self._model.batch(self.queries)).float()

    def by_row(self, values_N: Tensor, per: Per) -> Tensor:
        """Their sum (per sentence) or mean (per token) over the places of each row: shape B."""
        total_B = values_N.new_zeros(self.num_rows).index_add(0, self.rows_N, values_N)
        if per == "sentence":
            return total_B
        counts_B = torch.bincount(self.rows_N, minlength=self.num_rows)
        return total_B / counts_B.clamp(min=1)

    @cached_property
    def asked_BT(self) -> Tensor:
        """Where a token is asked for."""
        asked_BT = torch.zeros_like(self.words_BT)
        places_N = self._long([t for query in self.queries for t in query.targets])
        asked_BT[self.rows_N, places_N] = True
        return asked_BT

    @cached_property
    def words_BT(self) -> Tensor:
        """Where a token of the text is: neither padding, nor put around it."""
        lengths_B = torch.tensor([len(query.ids) for query in self.queries])
        words_BT = torch.arange(self._forward.lengths_R[-1]) < lengths_B[:, None]
        words_BT = words_BT.to(self._model.device)
        words_BT[:, 0] = False  # the start token
        if self._model.family == "masked":
            words_BT[torch.arange(self.num_rows), words_BT.sum(1)] = False  # the end token
        return words_BT

    @cached_property
    def states_LBTD(self) -> Tensor:
        """Hidden states of the embeddings and of every layer, in fp32, with gradient."""
        return torch.stack([layer[self._rows_B] for layer in self._forward.hidden]).float()

    @cached_property
    def base_states_LBTD(self) -> Tensor:
        """As states_LBTD, of the base model, without gradient."""
        length = self._forward.lengths_R[-1]
        found_LBTD = self._model.base_states(self.queries)
        return torch.nn.functional.pad(found_LBTD, (0, 0, 0, length - found_LBTD.shape[2]))

    def _long(self, values: list[int]) -> Tensor:
        return torch.tensor(values, dtype=torch.long, device=self._model.device)


@dataclass(frozen=True)
class PairPredictions:
    """Row p of one is the twin of row p of the other.

    real_share_P: share of people in the occupation that are of the stereotype's gender; NaN where
        that is not known.
    prepared:     what the objective has prepared.
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
    """A reading of each group of queries, from one forward over all of them."""
    forward = Forward(model, [q for group in groups.values() for q in group], hidden=hidden)
    return {
        name: Predictions(forward, group, recurs=name in recurring)
        for name, group in groups.items()
    }
