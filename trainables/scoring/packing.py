"""Rows and batches for scoring that read nothing twice and hardly any padding.

What the queries of a causal model have in common at their start is read once: the alternatives
after a question, the two sentences of a pair up to the word in which they differ. Such a row is a
tree, in which a token sees its own line of ancestors and nothing of the other branches; trees that
have nothing in common share a row too.

R = rows, T = tokens of a row.
"""

from __future__ import annotations

from bisect import bisect, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from tqdm import tqdm

from trainables.data.queries import Query

TOKENS_A_BATCH = 2048  # logits of SmolLM2's vocabulary: 49,152 × 2048 × 4 bytes = 400 MB
# Attention over a row grows with the square of its length: rows of PACKED tokens are short enough
# for that not to count. A tree grows longer only by queries that have at least this share of their
# tokens in common with it, as the alternatives after a long passage.
PACKED = 128
MAX_TREE = 512
WORTH_SHARING = 0.5


@dataclass
class Row:
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

    def take_in(self, tree: Row) -> None:
        """Put another tree behind those that are here."""
        first = len(self.ids)
        self.ids += tree.ids
        self.parents += [parent + first if parent >= 0 else -1 for parent in tree.parents]
        self.asked += [(place + first, q, nth) for place, q, nth in tree.asked]
        self.targets += tree.targets


def lines(queries: Sequence[Query], asking: Sequence[int]) -> list[Row]:
    """Each query in a row of its own."""
    rows = []
    for q in asking:
        query = queries[q]
        row = Row(list(query.ids), list(range(-1, len(query.ids) - 1)))
        row.ask(range(len(query.ids)), q, query)
        rows.append(row)
    return rows


def trees(queries: Sequence[Query], asking: Sequence[int]) -> list[Row]:
    """Queries with a common start in one row: neighbours, when they are sorted."""
    rows: list[Row] = []
    before: Sequence[int] = ()
    path: list[int] = []  # where the tokens of the query before lie in the last row
    for q in sorted(asking, key=lambda q: tuple(queries[q].ids)):
        ids = queries[q].ids
        shared = _num_shared(before, ids)
        worth = shared >= WORTH_SHARING * len(ids)
        longest = max(MAX_TREE, 2 * len(ids)) if worth else PACKED
        added = len(ids) - shared
        if not shared or (added and len(rows[-1].ids) + added > longest):
            rows.append(Row([], []))
            shared = 0
        row = rows[-1]
        path = [*path[:shared], *range(len(row.ids), len(row.ids) + len(ids) - shared)]
        row.parents += [path[t - 1] if t else -1 for t in range(shared, len(ids))]
        row.ids += ids[shared:]
        row.ask(path, q, queries[q])
        before = ids
    return rows


def packed(trees: Sequence[Row]) -> list[Row]:
    """Trees in rows of PACKED tokens, the longest first, each where it leaves the least room.

    A tree that is longer is a row of its own. The trees are used up.
    """
    rows: list[Row] = []
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


def padding_mask(rows: Sequence[Row], length: int) -> Tensor:
    lengths_R = torch.tensor([len(row.ids) for row in rows])
    return (torch.arange(length) < lengths_R[:, None]).long()


def tree_mask(rows: Sequence[Row], length: int) -> Tensor:
    """Who sees whom: each token itself and its ancestors. Padding sees itself, or it would be NaN."""
    sees_RTT = torch.eye(length, dtype=torch.bool).repeat(len(rows), 1, 1)
    for r, row in enumerate(rows):
        sees = sees_RTT[r].numpy()
        for t, parent in enumerate(row.parents):
            if parent >= 0:
                sees[t] |= sees[parent]
    return sees_RTT[:, None]


def depths(rows: Sequence[Row], length: int) -> Tensor:
    """The position of each token in its own line."""
    depths_RT = torch.zeros((len(rows), length), dtype=torch.long)
    for r, row in enumerate(rows):
        depths: list[int] = []
        for parent in row.parents:
            depths.append(depths[parent] + 1 if parent >= 0 else 0)
        depths_RT[r, : len(depths)] = torch.tensor(depths)
    return depths_RT
