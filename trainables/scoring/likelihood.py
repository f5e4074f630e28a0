"""Log-probabilities of queries, without gradient: the hot loop of all measurement.

A sentence of a causal model is one query; the pseudo-likelihood of a masked model is one query for
each token, which is masked in it. packing.py arranges the queries in rows and batches of about
TOKENS_A_BATCH tokens; where a causal model can read them, the rows are trees.

R = rows, T = tokens of a row, M = places where something is predicted, N = predictions (several
alternatives may be scored at one place), V = vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from trainables.data.comparisons import differing_positions
from trainables.data.queries import (
    Query,
    continuation_query,
    masked_query,
    refuse_too_long,
    room,
    sentence_query,
)
from trainables.scoring.packing import (
    batches,
    depths,
    line_rows,
    pack,
    padding_mask,
    tree_mask,
    tree_rows,
)

if TYPE_CHECKING:
    from trainables.data.tokenizer import Tokenizer
    from trainables.models.language_model import LanguageModel
    from trainables.scoring.packing import Row

READS_TREES = "reads trees"  # slot of LanguageModel.memo
MAX_TREE_ERROR = 1e-3  # nats


def queries_of(
    tokenizer: Tokenizer, ids: Sequence[int], prefix: Sequence[int] | None = None
) -> list[Query]:
    """Return queries whose targets are, in order, the tokens `ids` of a text.

    causal: one query, for log p(token | start, tokens before it). masked: one query a token, masked
    alone with all others seen (pseudo-likelihood, Salazar et al. 2020, arXiv 1910.14659).

    prefix: tokens that are read before the text, which may be none, as lm-evaluation-harness reads
        them (`continuation_query`). One that does not fit into the model's positions is cut at its
        beginning. None for a text that begins as the model's texts do.

    Raises:
        ValueError: `ids` is empty, or does not fit into the model's positions.
    """
    if not ids:
        raise ValueError("a text to be scored must have at least one token, but got none.")
    if tokenizer.family == "causal":
        if prefix is None:
            return [sentence_query(tokenizer, ids)]
        return [continuation_query(tokenizer, ids, prefix)]
    prefix = list(prefix or ())
    prefix = prefix[max(0, len(prefix) + len(ids) + 2 - tokenizer.max_tokens) :]
    text = [*prefix, *ids]
    return [masked_query(tokenizer, text, [len(prefix) + t]) for t in range(len(ids))]


def start_first_queries(tokenizer: Tokenizer, ids: Sequence[int]) -> list[Query]:
    """Return queries whose targets are, in order, the tokens of a text, for a causal model.

    The first token is predicted from the start token, every other from the tokens before it alone:
    log p(x₁ | start), log p(x₂ | x₁), log p(x₃ | x₁ x₂), … StereoSet's published code reads a text so,
    with the probabilities of the first token taken from a run on the start token alone.

    Raises:
        ValueError: `ids` is empty, or does not fit into the model's positions.
    """
    refuse_too_long(tokenizer, len(ids))
    first = queries_of(tokenizer, ids[:1])
    return [*first, Query(ids[:-1], dict(enumerate(ids[1:])))]


def log_probs(model: LanguageModel, groups: Sequence[Sequence[Query]]) -> list[list[float]]:
    """Return, for each group of queries, log p in nats of all their targets, in order.

    Dropout is off meanwhile.
    """
    scores = _scores(model, [query for group in groups for query in group], with_greedy=False)
    return join_groups(groups, [[value for value, _ in values] for values in scores])


def greedy_log_probs(
    model: LanguageModel, queries: Sequence[Query]
) -> list[list[tuple[float, bool]]]:
    """Return, for each query, (log p in nats, whether no token is likelier) of its targets, in order.

    Of equally likely tokens the one with the lowest id counts as the likeliest. Dropout is off
    meanwhile.
    """
    return _scores(model, queries, with_greedy=True)


@torch.inference_mode()
def _scores(
    model: LanguageModel, queries: Sequence[Query], *, with_greedy: bool
) -> list[list[tuple[float, bool]]]:
    """Return, for each query, (log p, whether it is the likeliest token) of its targets, in order.

    with_greedy: whether the second is wanted, which costs time; False for all otherwise.
    """
    scores_of_queries = [[(0.0, False)] * len(query.targets) for query in queries]
    was_training = model.module.training
    model.module.eval()
    for rows in _rows(model, queries):
        for numbers in batches([len(row.ids) for row in rows]):
            batch = [rows[r] for r in numbers]
            predictions = [entry for row in batch for entry in row.predictions]
            log_probs_N, is_greedy_N = _target_log_probs(model, batch, with_greedy=with_greedy)
            scores = zip(log_probs_N.tolist(), is_greedy_N.tolist(), strict=True)
            for (_, q, index), score in zip(predictions, scores, strict=True):
                scores_of_queries[q][index] = score
    model.module.train(was_training)
    return scores_of_queries


def pair_log_probs(
    model: LanguageModel, pairs: Sequence[tuple[str, str]]
) -> list[tuple[float, float] | None]:
    """Return the scores, in nats, of the two sentences of each pair, which differ in a few words.

    causal: log p of the whole sentence. masked: the mean log p of the tokens in which the sentences
    differ, each masked alone; None where a sentence has no such token, so that it has no score.
    """
    ids = model.tokenizer.encode([text for pair in pairs for text in pair])
    groups: list[list[Query]] = []
    for first, second in zip(ids[::2], ids[1::2], strict=True):
        if model.family == "causal":
            groups += [queries_of(model.tokenizer, first), queries_of(model.tokenizer, second)]
            continue
        for text, places in zip((first, second), differing_positions(first, second), strict=True):
            groups.append([masked_query(model.tokenizer, text, [t]) for t in places])
    values = log_probs(model, groups)
    score = math.fsum if model.family == "causal" else fmean
    return [
        (score(first), score(second)) if first and second else None
        for first, second in zip(values[::2], values[1::2], strict=True)
    ]


def join_groups(
    groups: Sequence[Sequence[Query]], values_of_queries: Sequence[Sequence[float]]
) -> list[list[float]]:
    """Return the values of each group's queries as one list a group.

    values_of_queries: the values of each query, of all groups one after another.
    """
    values = iter(values_of_queries)
    return [[value for _ in group for value in next(values)] for group in groups]


def _rows(model: LanguageModel, queries: Sequence[Query]) -> tuple[list[Row], list[Row]]:
    """Return the queries that have targets as (rows of trees, rows of one query each).

    Trees are used where the model can read them.
    """
    with_targets = [q for q, query in enumerate(queries) if query.targets]
    if not reads_trees(model):
        return [], line_rows(queries, with_targets)
    # The mask of a tree replaces the model's own, which hides tokens beyond its window.
    beyond = [q for q in with_targets if len(queries[q].ids) > model.architecture.window]
    within = [q for q in with_targets if len(queries[q].ids) <= model.architecture.window]
    return pack(tree_rows(queries, within)), line_rows(queries, beyond)


def _target_log_probs(
    model: LanguageModel, rows: Sequence[Row], *, with_greedy: bool = False
) -> tuple[Tensor, Tensor]:
    """Return (log_probs_N, is_greedy_N) of the targets of all rows, in order, from one forward.

    log p is in nats. is_greedy: whether a target is the likeliest token, all False if not wanted.
    """
    length = max(len(row.ids) for row in rows)
    ids_RT = torch.full((len(rows), length), model.tokenizer.pad_id)
    for r, row in enumerate(rows):
        ids_RT[r, : len(row.ids)] = torch.tensor(row.ids)
    places_N = [r * length + place for r, row in enumerate(rows) for place, _, _ in row.predictions]
    targets_N = torch.tensor([t for row in rows for t in row.targets], device=model.device)
    # The vocabulary head runs once a place, however many alternatives are scored there.
    places_M = sorted(set(places_N))
    number_of = {place: m for m, place in enumerate(places_M)}
    numbers_N = torch.tensor([number_of[place] for place in places_N], device=model.device)
    if any(row.has_branches for row in rows):
        inputs = {"attention_mask": tree_mask(rows, length), "position_ids": depths(rows, length)}
    else:
        inputs = {"attention_mask": padding_mask(rows, length)}
    inputs = {name: value.to(model.device) for name, value in inputs.items()}
    logits_MV = model.logits_at(
        torch.tensor(places_M), input_ids=ids_RT.to(model.device), **inputs
    ).float()
    target_logits_N = logits_MV[numbers_N, targets_N]
    is_greedy_N = torch.zeros_like(targets_N, dtype=torch.bool)
    if with_greedy:  # before the logits are overwritten
        is_greedy_N = logits_MV.argmax(-1)[numbers_N] == targets_N
    return target_logits_N - _logsumexp_(logits_MV)[numbers_N], is_greedy_N


def _logsumexp_(logits_MV: Tensor) -> Tensor:
    """Return the logsumexp over the vocabulary, shape M; the logits are overwritten.

    A second table of their size would cost time.
    """
    greatest_M1 = logits_MV.amax(-1, keepdim=True)
    sums_M = logits_MV.sub_(greatest_M1).exp_().sum(-1)
    return greatest_M1[:, 0] + sums_M.log()


def reads_trees(model: LanguageModel) -> bool:
    """Return whether a model scores queries in a tree as it does one by one: tried once and remembered.

    Nearly all causal models do. Those with ALiBi or a recurrent state ignore the mask of a tree or
    the positions, or do not take them, and masked models see all of a row. The base is tried, in fp32,
    so that the answer depends neither on training nor on precision.
    """
    if model.family == "masked" or not model.architecture.takes_positions:
        return False
    return model.memo(READS_TREES, None, lambda: _try_tree(model))


def _try_tree(model: LanguageModel) -> bool:
    """Score two queries with a common start by the base, in a tree and one by one.

    Return whether all log-probabilities agree to MAX_TREE_ERROR; False too if the model refuses the
    inputs.
    """
    num_tokens = max(1, min(12, room(model.tokenizer) // 2))  # of the start, and of what follows
    common, first, second = (
        [(start + 7 * t) % model.tokenizer.vocab_size for t in range(num_tokens)]
        for start in (3, 5, 8)
    )
    queries = [continuation_query(model.tokenizer, ids, common) for ids in (first, second)]
    module, model.module = model.module, model.base
    try:
        expected, _ = _target_log_probs(model, line_rows(queries, (0, 1)))
        errors = (_target_log_probs(model, tree_rows(queries, (0, 1)))[0] - expected).abs()
        return bool(errors.max() < MAX_TREE_ERROR)
    except (TypeError, ValueError, RuntimeError):
        return False
    finally:
        model.module = module
