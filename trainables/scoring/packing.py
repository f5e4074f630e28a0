"""Arrange queries in rows and batches, so that scoring reads nothing twice and hardly any padding.

A common start of the queries of a causal model is read once: a question before its alternatives, two
sentences of a pair up to the word in which they differ. Such a row is a tree. A token of a tree sees
itself and its ancestors, and nothing of other branches. Trees without a common token share a row too.

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
# Attention over a row grows with the square of its length: rows of MAX_PACKED tokens are short enough
# for that not to count. A tree grows longer only by queries that have at least MIN_SHARED of their
# tokens in common with it, such as the alternatives after a long passage; and not beyond MAX_TREE.
MAX_PACKED = 128
MAX_TREE = 512
MIN_SHARED = 0.5


@dataclass
class Row:
    """Tokens that are read together.

    ids:     token ids.
    parents: the place of the token before each token in its text; −1 for the first token of a tree.
    asked:   (place, index of the query, index of the target in it) of each prediction.
    targets: the token to predict, for each entry of `asked`.
    """

    ids: list[int]
    parents: list[int]
    asked: list[tuple[int, int, int]] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)

    @property
    def has_branches(self) -> bool:
        """Whether any token follows another one than the one to its left."""
        return self.parents != list(range(-1, len(self.ids) - 1))

    def add_targets(self, path: Sequence[int], q: int, query: Query) -> None:
        """Add the targets of query number q, whose token t lies at path[t] of the row."""
        self.asked += [(path[t], q, index) for index, t in enumerate(query.targets)]
        self.targets += query.targets.values()

    def append(self, tree: Row) -> None:
        """Add another row's tokens and predictions behind those of this row."""
        first = len(self.ids)
        self.ids += tree.ids
        self.parents += [parent + first if parent >= 0 else -1 for parent in tree.parents]
        self.asked += [(place + first, q, index) for place, q, index in tree.asked]
        self.targets += tree.targets


def line_rows(queries: Sequence[Query], numbers: Sequence[int]) -> list[Row]:
    """Return a row for each of the queries with these numbers."""
    rows = []
    for q in numbers:
        query = queries[q]
        row = Row(list(query.ids), list(range(-1, len(query.ids) - 1)))
        row.add_targets(range(len(query.ids)), q, query)
        rows.append(row)
    return rows


def tree_rows(queries: Sequence[Query], numbers: Sequence[int]) -> list[Row]:
    """Return the queries with these numbers as rows in which a common start is read once.

    Queries are sorted by their ids, so that those with the longest common start are neighbours.
    """
    rows: list[Row] = []
    previous_ids: Sequence[int] = ()
    path: list[int] = []  # places, in the last row, of the previous query's tokens
    for q in sorted(numbers, key=lambda q: tuple(queries[q].ids)):
        ids = queries[q].ids
        shared = _num_shared(previous_ids, ids)
        shares_enough = shared >= MIN_SHARED * len(ids)
        max_length = max(MAX_TREE, 2 * len(ids)) if shares_enough else MAX_PACKED
        added = len(ids) - shared
        if not shared or (added and len(rows[-1].ids) + added > max_length):
            rows.append(Row([], []))
            shared = 0
        row = rows[-1]
        path = [*path[:shared], *range(len(row.ids), len(row.ids) + len(ids) - shared)]
        row.parents += [path[t - 1] if t else -1 for t in range(shared, len(ids))]
        row.ids += ids[shared:]
        row.add_targets(path, q, queries[q])
        previous_ids = ids
    return rows


def pack(trees: Sequence[Row]) -> list[Row]:
    """Return trees joined to rows of at most MAX_PACKED tokens; a longer tree stays a row of its own.

    The longest trees come first, each in the row where it leaves the least room. The trees given are
    changed.
    """
    rows: list[Row] = []
    rooms: list[tuple[int, int]] = []  # (free tokens, number of the row), ascending
    for tree in sorted(trees, key=lambda tree: -len(tree.ids)):
        tightest = bisect(rooms, (len(tree.ids), -1))
        if tightest == len(rooms):
            rows.append(tree)
            room, row = min(MAX_PACKED, TOKENS_A_BATCH) - len(tree.ids), len(rows) - 1
        else:
            room, row = rooms.pop(tightest)
            rows[row].append(tree)
            room -= len(tree.ids)
        if room > 0:
            insort(rooms, (room, row))
    return rows


def _num_shared(first: Sequence[int], second: Sequence[int]) -> int:
    """Return how many tokens two sequences have in common at their start."""
    for t, (a, b) in enumerate(zip(first, second, strict=False)):
        if a != b:
            return t
    return min(len(first), len(second))


def batches(lengths: Sequence[int], max_tokens: int | None = None) -> Iterator[list[int]]:
    """Yield batches of indices, shortest rows first, with a progress bar on a terminal.

    A batch takes at most `max_tokens` tokens when its rows are padded to the longest, or is one row.
    The bar appears after two seconds, and only on a terminal.

    lengths: tokens of each row. max_tokens: TOKENS_A_BATCH if left out.
    """
    if max_tokens is None:
        max_tokens = TOKENS_A_BATCH
    with tqdm(total=sum(lengths), unit="token", disable=None, delay=2) as bar:
        for batch in _batches(lengths, max_tokens):
            yield batch
            bar.update(sum(lengths[n] for n in batch))


def _batches(lengths: Sequence[int], max_tokens: int) -> Iterator[list[int]]:
    """Yield batches of indices as `batches` does, without a progress bar."""
    batch: list[int] = []
    for n in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[n] > max_tokens:
            yield batch
            batch = []
        batch.append(n)
    if batch:
        yield batch


def padding_mask(rows: Sequence[Row], length: int) -> Tensor:
    """Return attention_RT: 1 at the tokens of each row, 0 at padding up to `length`."""
    lengths_R = torch.tensor([len(row.ids) for row in rows])
    return (torch.arange(length) < lengths_R[:, None]).long()


def tree_mask(rows: Sequence[Row], length: int) -> Tensor:
    """Return a mask of shape R1TT: True at (t, s) if token t sees s, that is itself or an ancestor.

    Padding up to `length` sees itself, since attention to nothing is NaN.
    """
    sees_RTT = torch.eye(length, dtype=torch.bool).repeat(len(rows), 1, 1)
    for r, row in enumerate(rows):
        sees = sees_RTT[r].numpy()
        for t, parent in enumerate(row.parents):
            if parent >= 0:
                sees[t] |= sees[parent]
    return sees_RTT[:, None]


def depths(rows: Sequence[Row], length: int) -> Tensor:
    """Return depths_RT: the number of ancestors of each token, its position in its own text.

    Padding up to `length` has 0.
    """
    depths_RT = torch.zeros((len(rows), length), dtype=torch.long)
    for r, row in enumerate(rows):
        depths: list[int] = []
        for parent in row.parents:
            depths.append(depths[parent] + 1 if parent >= 0 else 0)
        depths_RT[r, : len(depths)] = torch.tensor(depths)
    return depths_RT
