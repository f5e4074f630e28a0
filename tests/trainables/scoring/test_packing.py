"""Rows and batches: what is read once, and that how they are cut changes no score."""

import pytest
import torch

from tests.trainables.scoring.test_likelihood import (
    ALTERNATIVES,
    SENTENCES,
    flat,
    scores,
    shapes_read,
)
from trainables.data.queries import Query
from trainables.scoring import packing
from trainables.scoring.likelihood import log_probs, queries_of
from trainables.scoring.packing import (
    Row,
    batches,
    depths,
    line_rows,
    pack,
    padding_mask,
    tree_mask,
    tree_rows,
)

# Two queries that begin with 1 2, and one that shares nothing with them.
QUERIES = [Query([1, 2, 3], {2: 30}), Query([9], {0: 90}), Query([1, 2, 4, 5], {1: 20, 3: 50})]


@pytest.mark.parametrize("tokens_a_batch", [1, 17, 10**6])
def test_the_size_of_batches_and_the_padding_in_them_change_nothing(
    model, tokens_a_batch, monkeypatch
):
    expected = scores(model, SENTENCES * 5)
    monkeypatch.setattr(packing, "TOKENS_A_BATCH", tokens_a_batch)
    assert flat(scores(model, SENTENCES * 5)) == pytest.approx(flat(expected), abs=1e-5)


@pytest.mark.parametrize("tokens_a_batch", [1, 40, 10**6])
def test_a_batch_is_never_larger_than_asked_unless_it_is_one_row(
    tokens_a_batch, model, monkeypatch
):
    scores(model, SENTENCES)  # whether it reads trees is tried with batches of its own
    monkeypatch.setattr(packing, "TOKENS_A_BATCH", tokens_a_batch)
    shapes = shapes_read(model, lambda: scores(model, SENTENCES))
    assert all(rows == 1 or rows * tokens <= tokens_a_batch for rows, tokens in shapes)
    assert len(shapes) == 1 or tokens_a_batch < 10**6


@pytest.mark.parametrize("longest", [1, 9, 10**6])
def test_how_long_trees_may_grow_changes_nothing(longest, llama, monkeypatch):
    expected = scores(llama, ALTERNATIVES)
    monkeypatch.setattr(packing, "MAX_TREE", longest)
    assert flat(scores(llama, ALTERNATIVES)) == pytest.approx(flat(expected), abs=1e-5)


def test_a_start_longer_than_any_row_is_still_read_once(llama, monkeypatch):
    monkeypatch.setattr(packing, "MAX_TREE", 8)
    monkeypatch.setattr(packing, "MAX_PACKED", 8)
    prefix, one, other = llama.tokenizer.encode(
        ["the nurse left when she felt sad and", "calm now", "proud"]
    )
    scores(llama, SENTENCES[:1])
    asked = [queries_of(llama.tokenizer, ids, prefix) for ids in (one, other, one)]
    ((rows, tokens),) = shapes_read(llama, lambda: log_probs(llama, asked))
    assert (rows, tokens) == (1, len(asked[0][0].ids))


def test_a_row_of_a_query_is_a_line():
    (row,) = line_rows(QUERIES, [2])
    assert (row.ids, row.parents) == ([1, 2, 4, 5], [-1, 0, 1, 2])
    assert (row.asked, row.targets) == ([(1, 2, 0), (3, 2, 1)], [20, 50])
    assert not row.has_branches


def test_a_tree_worked_out_by_hand():
    """The row is 1 2 3 4 5, in which 4 follows 2."""
    tree, line = tree_rows(QUERIES, [0, 1, 2])
    assert (tree.ids, tree.parents) == ([1, 2, 3, 4, 5], [-1, 0, 1, 1, 3])
    assert tree.asked == [(2, 0, 0), (1, 2, 0), (4, 2, 1)]
    assert tree.targets == [30, 20, 50]
    assert (tree.has_branches, line.has_branches) == (True, False)
    assert line.ids == [9]


def test_a_query_that_shares_little_with_a_long_row_begins_another(monkeypatch):
    monkeypatch.setattr(packing, "MAX_PACKED", 4)
    queries = [Query([1, 2, 3], {}), Query([1, 7, 8], {}), Query([1, 7, 9], {})]
    rows = tree_rows(queries, [0, 1, 2])
    # [1 7 8] has a third in common with [1 2 3], too little; [1 7 9] two thirds with [1 7 8].
    assert [row.ids for row in rows] == [[1, 2, 3], [1, 7, 8, 9]]


def test_packed_trees_keep_their_parents_and_their_predictions():
    tree, line = tree_rows(QUERIES, [0, 1, 2])
    (row,) = pack([line, tree])
    assert row.ids == [1, 2, 3, 4, 5, 9]
    assert row.parents == [-1, 0, 1, 1, 3, -1]
    assert row.asked[-1] == (5, 1, 0)
    assert row.targets == [30, 20, 50, 90]


def test_trees_go_where_they_leave_the_least_room(monkeypatch):
    monkeypatch.setattr(packing, "MAX_PACKED", 10)
    trees = [Row([n] * n, list(range(-1, n - 1))) for n in (2, 8, 7, 3, 12)]
    # 12 is too long to share; 8 leaves room for 2, and 7 for 3.
    assert [row.ids for row in pack(trees)] == [[12] * 12, [8] * 8 + [2] * 2, [7] * 7 + [3] * 3]


def test_a_token_sees_itself_and_its_ancestors_and_padding_sees_itself():
    tree, _ = tree_rows(QUERIES, [0, 1, 2])
    (mask,) = tree_mask([tree], 6)[:, 0]
    sees = [{s for s in range(6) if mask[t, s]} for t in range(6)]
    assert sees == [{0}, {0, 1}, {0, 1, 2}, {0, 1, 3}, {0, 1, 3, 4}, {5}]


def test_a_position_counts_the_ancestors():
    tree, line = tree_rows(QUERIES, [0, 1, 2])
    assert depths([tree, line], 6).tolist() == [[0, 1, 2, 2, 3, 0], [0] * 6]


def test_a_mask_of_lines_is_one_at_their_tokens():
    rows = line_rows(QUERIES, [0, 1])
    assert torch.equal(padding_mask(rows, 3), torch.tensor([[1, 1, 1], [1, 0, 0]]))


@pytest.mark.parametrize(
    ("lengths", "max_tokens", "expected"),
    [
        ([3, 1, 2], 100, [[1, 2, 0]]),
        ([3, 1, 2], 4, [[1, 2], [0]]),  # 1 and 2 padded to 2 each
        ([3, 1, 2], 1, [[1], [2], [0]]),
        ([], 5, []),
    ],
)
def test_batches_worked_out_by_hand(lengths, max_tokens, expected):
    assert list(batches(lengths, max_tokens)) == expected
