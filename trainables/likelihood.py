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
from bisect import bisect, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from tqdm import tqdm

from trainables.comparisons import differing
from trainables.queries import Query, masked, sentence

if TYPE_CHECKING:
    from trainables.model import LanguageModel
    from trainables.tokenizer import Tokenizer

TOKENS_A_BATCH = 2048  # logits of SmolLM2's vocabulary: 49,152 × 2048 × 4 bytes = 400 MB
# Attention over a row grows with the square of its length: rows of PACKED tokens are short enough
# for that not to count. A tree grows longer only by queries that have at least this share of their
# tokens in common with it, as the alternatives after a long passage.
PACKED = 128
LONGEST_TREE = 512
WORTH_SHARING = 0.5


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
        return [sentence(tokenizer, ids, prefix)]
    prefix = list(prefix)[max(0, len(prefix) + len(ids) + 2 - tokenizer.max_tokens) :]
    whole = [*prefix, *ids]
    return [masked(tokenizer, whole, [len(prefix) + t]) for t in range(len(ids))]


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
        for own, apart in zip((one, other), differing(one, other), strict=True):
            groups.append([masked(model.tokenizer, own, [t]) for t in apart])
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


@dataclass
class _Row:
    """Tokens that are read together; token t follows token parents[t], the first of a tree −1.

    asked: (place, query, which of its targets), with the target of each beside it.
    """

    ids: list[int]
    parents: list[int]
    asked: list[tuple[int, int, int]] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)

    @property
    def branches(self) -> bool:
        return self.parents != list(range(-1, len(self.ids) - 1))

    def ask(self, path: Sequence[int], q: int, query: Query) -> None:
        """Ask for the query's targets, its token t lying at path[t]."""
        self.asked += [(path[t], q, nth) for nth, t in enumerate(query.targets)]
        self.targets += query.targets.values()

    def take_in(self, tree: _Row) -> None:
        """Put another tree behind those that are here."""
        first = len(self.ids)
        self.ids += tree.ids
        self.parents += [parent + first if parent >= 0 else -1 for parent in tree.parents]
        self.asked += [(place + first, q, nth) for place, q, nth in tree.asked]
        self.targets += tree.targets


def _rows(model: LanguageModel, queries: Sequence[Query]) -> tuple[list[_Row], list[_Row]]:
    """All queries that ask for something: in trees where the model can read them, else in lines."""
    asking = [q for q, query in enumerate(queries) if query.targets]
    if not _reads_trees(model):
        return [], _lines(queries, asking)
    # The mask of a tree stands in for the model's own, which beyond its window hides tokens.
    beyond = [q for q in asking if len(queries[q].ids) > model.window]
    within = [q for q in asking if len(queries[q].ids) <= model.window]
    return _packed(_trees(queries, within)), _lines(queries, beyond)


def _lines(queries: Sequence[Query], asking: Sequence[int]) -> list[_Row]:
    """Each query in a row of its own."""
    rows = []
    for q in asking:
        query = queries[q]
        row = _Row(list(query.ids), list(range(-1, len(query.ids) - 1)))
        row.ask(range(len(query.ids)), q, query)
        rows.append(row)
    return rows


def _trees(queries: Sequence[Query], asking: Sequence[int]) -> list[_Row]:
    """Queries with a common start in one row: neighbours, when they are sorted."""
    rows: list[_Row] = []
    before: Sequence[int] = ()
    path: list[int] = []  # where the tokens of the query before lie in the last row
    for q in sorted(asking, key=lambda q: tuple(queries[q].ids)):
        ids = queries[q].ids
        shared = _num_shared(before, ids)
        worth = shared >= WORTH_SHARING * len(ids)
        longest = max(LONGEST_TREE, 2 * len(ids)) if worth else PACKED
        added = len(ids) - shared
        if not shared or (added and len(rows[-1].ids) + added > longest):
            rows.append(_Row([], []))
            shared = 0
        row = rows[-1]
        path = [*path[:shared], *range(len(row.ids), len(row.ids) + len(ids) - shared)]
        row.parents += [path[t - 1] if t else -1 for t in range(shared, len(ids))]
        row.ids += ids[shared:]
        row.ask(path, q, queries[q])
        before = ids
    return rows


def _packed(trees: Sequence[_Row]) -> list[_Row]:
    """Trees in rows of PACKED tokens, the longest first, each where it leaves the least room.

    A tree that is longer is a row of its own. The trees are used up.
    """
    rows: list[_Row] = []
    room: list[tuple[int, int]] = []  # what is left in each row, ascending
    for tree in sorted(trees, key=lambda tree: -len(tree.ids)):
        fits = bisect(room, (len(tree.ids), -1))
        if fits == len(room):
            rows.append(tree)
            left, row = min(PACKED, TOKENS_A_BATCH) - len(tree.ids), len(rows) - 1
        else:
            left, row = room.pop(fits)
            rows[row].take_in(tree)
            left -= len(tree.ids)
        if left > 0:
            insort(room, (left, row))
    return rows


def _num_shared(one: Sequence[int], other: Sequence[int]) -> int:
    for t, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return t
    return min(len(one), len(other))


def batches(lengths: Sequence[int], tokens: int) -> Iterator[list[int]]:
    """Indices, shortest first, in batches that take at most `tokens` when padded (or are of one).

    A terminal sees how far they are, once they take longer than a moment; nobody else does.
    """
    with tqdm(total=sum(lengths), unit="token", disable=None, delay=2) as bar:
        for batch in _batches(lengths, tokens):
            yield batch
            bar.update(sum(lengths[n] for n in batch))


def _batches(lengths: Sequence[int], tokens: int) -> Iterator[list[int]]:
    batch: list[int] = []
    for n in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[n] > tokens:
            yield batch
            batch = []
        batch.append(n)
    if batch:
        yield batch


def _read(model: LanguageModel, rows: Sequence[_Row]) -> Tensor:
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
        sees = {"attention_mask": _sees(rows, length), "position_ids": _depths(rows, length)}
    else:
        sees = {"attention_mask": _padding(rows, length)}
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


def _padding(rows: Sequence[_Row], length: int) -> Tensor:
    lengths_R = torch.tensor([len(row.ids) for row in rows])
    return (torch.arange(length) < lengths_R[:, None]).long()


def _sees(rows: Sequence[_Row], length: int) -> Tensor:
    """Who sees whom: each token itself and its ancestors. Padding sees itself, or it would be NaN."""
    sees_RTT = torch.eye(length, dtype=torch.bool).repeat(len(rows), 1, 1)
    for r, row in enumerate(rows):
        sees = sees_RTT[r].numpy()
        for t, parent in enumerate(row.parents):
            if parent >= 0:
                sees[t] |= sees[parent]
    return sees_RTT[:, None]


def _depths(rows: Sequence[_Row], length: int) -> Tensor:
    """The position of each token in its own line."""
    depths_RT = torch.zeros((len(rows), length), dtype=torch.long)
    for r, row in enumerate(rows):
        depths: list[int] = []
        for parent in row.parents:
            depths.append(depths[parent] + 1 if parent >= 0 else 0)
        depths_RT[r, : len(depths)] = torch.tensor(depths)
    return depths_RT


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
        queries = [sentence(model.tokenizer, ids, common) for ids in (one, other)]
        now, model.module = model.module, model.base
        try:
            expected = _read(model, _lines(queries, (0, 1)))
            gap = (_read(model, _trees(queries, (0, 1))) - expected).abs().max()
            model.reads_trees = bool(gap < 1e-3)
        except (TypeError, ValueError, RuntimeError):
            model.reads_trees = False
        finally:
            model.module = now
    return model.reads_trees
