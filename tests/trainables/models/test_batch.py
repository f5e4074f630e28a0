"""Batches: queries as padded tensors."""

from trainables.data.queries import Query
from trainables.models.batch import IGNORE


def test_batches_are_padded_on_the_right_where_nothing_is_predicted(llama):
    texts = llama.batch([Query([5, 6, 7], {0: 6, 2: 9}), Query([8], {0: 9})])
    pad = llama.tokenizer.pad_id
    assert texts.ids_BT.tolist() == [[5, 6, 7], [8, pad, pad]]
    assert texts.attention_BT.tolist() == [[1, 1, 1], [1, 0, 0]]
    assert texts.targets_BT.tolist() == [[6, IGNORE, 9], [9, IGNORE, IGNORE]]
    assert texts.predicted_BT.tolist() == [[True, False, True], [True, False, False]]


def test_a_query_may_have_no_targets(llama):
    texts = llama.batch([Query([5, 6], {}), Query([8], {0: 9})])
    assert texts.predicted_BT.tolist() == [[False, False], [True, False]]
    assert llama.batch([Query([5], {})]).predicted_BT.sum() == 0
