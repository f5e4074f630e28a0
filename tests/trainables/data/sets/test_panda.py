"""PANDA: the rewrites that become pairs."""

import pytest

from tests.conformance.alignment_set import has_pairs_of_two_texts
from trainables.data.pairs import Pair
from trainables.data.sets.panda import Panda
from trainables.data.sources import read_pairs


def test_rewrites_differ_from_the_original_in_words_alone(put):
    rows = [
        ("john , he said , left .", "Jane, she said, left.", "he", "Woman"),
        ("john , he said , left .", "Jane, she said, left.", "he", "Woman"),
        ("john , he said , left .", "Joan, they said, left.", "he", "Non-Binary"),
        ("She won. <SEP> Who won?", "He won! <SEP> Who won?", "She", "Man"),
        ("She won.", "The boy won.", "she", "Man"),  # another number of words
        ("Their king won.", "Won king their.", "king", "Woman"),  # words that only moved
        ("The child won.", "The girl won.", "child", "Woman"),  # of no gender before
        ("The queen won.", "The queen won.", "queen", "Man"),
        ("In İzmir he won.", "In İzmir she won.", "he", "Woman"),
    ]
    keys = ("original", "rewrite", "selected_word", "perturbed_category")
    put("panda/PANDA-dataset.jsonl", [dict(zip(keys, row, strict=True)) for row in rows])
    assert list(read_pairs("panda")) == [
        Pair("john, he said, left.", "jane, she said, left."),
        Pair("She won. Who won?", "He won. Who won?"),
        Pair("In İzmir he won.", "In İzmir she won."),
    ]


def test_a_row_without_its_rewrite_is_one_clear_sentence(put):
    put("panda/PANDA-dataset.jsonl", [{"original": "he", "selected_word": "he"}])
    with pytest.raises(ValueError, match=r"line 1: must have .* but lacks rewrite, perturbed_cat"):
        list(read_pairs("panda"))


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_published_rewrites_are_all_there():
    has_pairs_of_two_texts(Panda())
    pairs = list(read_pairs("panda"))
    assert len(pairs) == 9_104
    assert {pair.real_share for pair in pairs} == {None}
