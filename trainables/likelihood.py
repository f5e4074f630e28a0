"""Log-likelihoods without gradient: the hot loop of all measurement, for both model families.

A sentence of a causal model is one query; the pseudo-likelihood of a masked model is one query for
each masked copy. Queries are sorted by length and run in batches of about TOKENS_A_BATCH tokens.

N = asked tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch

from trainables.batch import Query, masked, padded, sentence
from trainables.model import token_nll

if TYPE_CHECKING:
    from trainables.model import LanguageModel

TOKENS_A_BATCH = 2048  # logits of SmolLM2's vocabulary: 49,152 × 2048 × 4 bytes = 400 MB


def queries_of(model: LanguageModel, ids: Sequence[int], prefix: Sequence[int] = ()) -> list[Query]:
    """Queries whose log-probabilities, in order, are those of the tokens `ids` after `prefix`.

    causal: log p(token | start, prefix, tokens before it). masked: the pseudo-likelihood of Salazar
    et al. 2020 (arXiv 1910.14659): each token masked alone, all others seen.
    """
    if model.family == "causal":
        return [sentence(model, ids, prefix)]
    whole = [*prefix, *ids]
    return [masked(model, whole, [len(prefix) + t]) for t in range(len(ids))]


@torch.inference_mode()
def log_probs(model: LanguageModel, groups: Sequence[Sequence[Query]]) -> list[list[float]]:
    """log p, in nats, of the targets of each group's queries, in order, joined within the group."""
    queries = [query for group in groups for query in group]
    found: list[list[float]] = [[] for _ in queries]
    was_training = model.module.training
    model.module.eval()
    for batch in _batches(queries):
        texts = padded(model, [queries[q] for q in batch])
        log_probs_N = iter((-token_nll(model.logits(texts), texts)).tolist())
        for q in batch:
            found[q] = [next(log_probs_N) for _ in queries[q].targets]
    model.module.train(was_training)
    each = iter(found)
    return [[value for _ in group for value in next(each)] for group in groups]


def _batches(queries: Sequence[Query]) -> Iterator[list[int]]:
    batch: list[int] = []
    for q in sorted(range(len(queries)), key=lambda q: len(queries[q].ids)):
        if batch and (len(batch) + 1) * len(queries[q].ids) > TOKENS_A_BATCH:
            yield batch
            batch = []
        batch.append(q)
    if batch:
        yield batch
