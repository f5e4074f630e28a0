"""Log-likelihoods without gradient: the hot loop of all measurement, for both model families.

A sentence of a causal model is one query; the pseudo-likelihood of a masked model is one query for
each masked copy. Queries become rows, rows of like length batches of about TOKENS_A_BATCH tokens.

What the queries of a causal model have in common at their start is read once: the alternatives
after a question, the two sentences of a pair up to the word in which they differ. Such a row is a
tree, in which a token sees its own line of ancestors and nothing of the other branches; trees that
have nothing in common share a row too, so that hardly any place is padding.

R = rows, T = tokens of a row, M = places where something is predicted, N = predictions asked for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from trainables.data.comparisons import differing_positions
from trainables.data.queries import Query, masked_query, sentence_query
from trainables.scoring.packing import (
    TOKENS_A_BATCH,
    batches,
    depths,
    lines,
    packed,
    padding_mask,
    tree_mask,
    trees,
)

if TYPE_CHECKING:
    from trainables.data.tokenizer import Tokenizer
    from trainables.models.language_model import LanguageModel
    from trainables.scoring.packing import Row


def queries_of(tokenizer: Tokenizer, ids: Sequence[int], prefix: Sequence[int] = ()) -> list[Query]:
    """Queries whose log-probabilities, in order, are those of the tokens `ids` after `prefix`.

    causal: log p(token | start, prefix, tokens before it). masked: the pseudo-likelihood of Salazar
    et al. 2020 (arXiv 1910.14659): each token masked alone, all others seen. Of a prefix that does
    not fit into the model's positions, the end is read.

    Raises:
        ValueError: there are no tokens to score, or they do not fit into the model's positions.
    """
    if not ids:
        raise ValueError("a text to be scored must have at least one token, but got none.")
    if tokenizer.family == "causal":
        return [sentence_query(tokenizer, ids, prefix)]
    prefix = list(prefix)[max(0, len(prefix) + len(ids) + 2 - tokenizer.max_tokens) :]
    whole = [*prefix, *ids]
    return [masked_query(tokenizer, whole, [len(prefix) + t]) for t in range(len(ids))]


@torch.inference_mode()
def log_probs(model: LanguageModel, groups: Sequence[Sequence[Query]]) -> list[list[float]]:
    """log p, in nats, of the targets of each group's queries, in order, joined within the group."""
    queries = [query for group in groups for query in group]
    found = [[0.0] * len(query.targets) for query in queries]
    was_training = model.module.training
    model.module.eval()
    for rows in _rows(model, queries):
        for places in batches([len(row.ids) for row in rows], TOKENS_A_BATCH):
            batch = [rows[r] for r in places]
            asked = [one for row in batch for one in row.asked]
            for (_, q, nth), value in zip(asked, _read(model, batch).tolist(), strict=True):
                found[q][nth] = value
    model.module.train(was_training)
    return joined(groups, found)


def pair_log_probs(
    model: LanguageModel, pairs: Sequence[tuple[str, str]]
) -> list[tuple[float, float] | None]:
    """log p, in nats, of two sentences that differ in a few words.

    causal: of the whole sentences. masked: the mean over the tokens in which they differ, each
    masked alone; None where one has no such token, so that the two cannot be compared.
    """
    ids = model.tokenizer.encode([text for pair in pairs for text in pair])
    groups: list[list[Query]] = []
    for one, other in zip(ids[::2], ids[1::2], strict=True):
        if model.family == "causal":
            groups += [queries_of(model.tokenizer, one), queries_of(model.tokenizer, other)]
            continue
        for own, apart in zip((one, other), differing_positions(one, other), strict=True):
            groups.append([masked_query(model.tokenizer, own, [t]) for t in apart])
    found = log_probs(model, groups)
    score = math.fsum if model.family == "causal" else fmean
    return [
        (score(one), score(other)) if one and other else None
        for one, other in zip(found[::2], found[1::2], strict=True)
    ]


def joined(
    groups: Sequence[Sequence[Query]], found: Sequence[Sequence[float]]
) -> list[list[float]]:
    """What was found for each query, joined within the groups that the queries came in."""
    each = iter(found)
    return [[value for _ in group for value in next(each)] for group in groups]


def _rows(model: LanguageModel, queries: Sequence[Query]) -> tuple[list[Row], list[Row]]:
    """All queries that ask for something: in trees where the model can read them, else in lines."""
    asking = [q for q, query in enumerate(queries) if query.targets]
    if not _reads_trees(model):
        return [], lines(queries, asking)
    # The mask of a tree stands in for the model's own, which beyond its window hides tokens.
    beyond = [q for q in asking if len(queries[q].ids) > model.window]
    within = [q for q in asking if len(queries[q].ids) <= model.window]
    return packed(trees(queries, within)), lines(queries, beyond)


def _read(model: LanguageModel, rows: Sequence[Row]) -> Tensor:
    """log p of what the rows ask for, in order: shape N."""
    length = max(len(row.ids) for row in rows)
    ids_RT = torch.full((len(rows), length), model.tokenizer.pad_id)
    for r, row in enumerate(rows):
        ids_RT[r, : len(row.ids)] = torch.tensor(row.ids)
    at_N = [r * length + place for r, row in enumerate(rows) for place, _, _ in row.asked]
    targets_N = torch.tensor([t for row in rows for t in row.targets], device=model.device)
    # Several alternatives may be asked for at one place: the head runs there once.
    at_M = sorted(set(at_N))
    nth = {at: m for m, at in enumerate(at_M)}
    which_N = torch.tensor([nth[at] for at in at_N], device=model.device)
    if any(row.branches for row in rows):
        sees = {"attention_mask": tree_mask(rows, length), "position_ids": depths(rows, length)}
    else:
        sees = {"attention_mask": padding_mask(rows, length)}
    sees = {name: value.to(model.device) for name, value in sees.items()}
    logits_MV = model.logits_at(torch.tensor(at_M), input_ids=ids_RT.to(model.device), **sees)
    logits_MV = logits_MV.float()
    chosen_N = logits_MV[which_N, targets_N]
    return chosen_N - _logsumexp_(logits_MV)[which_N]


def _logsumexp_(logits_MV: Tensor) -> Tensor:
    """logsumexp over the vocabulary, which uses up the logits: a second such table costs time."""
    greatest_M1 = logits_MV.amax(-1, keepdim=True)
    sums_M = logits_MV.sub_(greatest_M1).exp_().sum(-1)
    return greatest_M1[:, 0] + sums_M.log()


def _reads_trees(model: LanguageModel) -> bool:
    """Whether the model heeds positions and a mask of who sees whom, found out once by trying.

    Nearly all do; those with ALiBi or a recurrent state do not, and read line by line. It is the
    base that tries, in fp32, so the answer depends neither on training nor on precision.
    """
    if model.family == "masked":
        return False
    if model.reads_trees is None:
        common, one, other = (
            [(a + 7 * t) % model.tokenizer.vocab_size for t in range(12)] for a in (3, 5, 8)
        )
        queries = [sentence_query(model.tokenizer, ids, common) for ids in (one, other)]
        now, model.module = model.module, model.base
        try:
            expected = _read(model, lines(queries, (0, 1)))
            gap = (_read(model, trees(queries, (0, 1))) - expected).abs().max()
            model.reads_trees = bool(gap < 1e-3)
        except (TypeError, ValueError, RuntimeError):
            model.reads_trees = False
        finally:
            model.module = now
    return model.reads_trees
