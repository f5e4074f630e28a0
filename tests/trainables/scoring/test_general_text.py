"""Which general texts are drawn, and how each token of them is scored once."""

import pytest

from trainables.scoring.general_text import GROUP, draw_texts, name_of, nll_queries


def test_no_text_counts_twice_and_those_of_one_source_count_together():
    texts = [([1, 2, 3], "a"), ([1, 2, 4], "b"), ([1, 2, 3], "c"), ([5], "d")]
    assert draw_texts(texts, 9, 3) == {(1, 2, 3): "a", (1, 2, 4): "b", (5,): "d"}
    assert draw_texts(texts, 9, 2) == {(1, 2): "a", (5,): "d"}
    assert len(draw_texts(texts, 2, 3)) == 2


def test_the_draw_depends_on_the_number_of_texts_alone():
    first, second = ([([n, start], "a") for n in range(50)] for start in (7, 8))
    drawn = [[ids[0] for ids in draw_texts(texts, 5, 9)] for texts in (first, second)]
    assert drawn[0] == drawn[1] == sorted(drawn[0])
    assert drawn[0] != [0, 1, 2, 3, 4], "they are not the first"


def test_every_token_of_a_causal_text_is_asked_for_in_one_query(llama):
    (query,) = nll_queries(llama.tokenizer, [7, 8, 9])
    assert list(query.targets.values()) == [7, 8, 9]


@pytest.mark.parametrize("num_tokens", [1, 6, 7, 8, 20])
def test_every_token_of_a_masked_text_is_asked_for_once_each_seventh_together(num_tokens, bert):
    ids = list(range(5, 5 + num_tokens))
    queries = nll_queries(bert.tokenizer, ids)
    assert len(queries) == min(GROUP, num_tokens)
    targets = [{t - 1: token for t, token in query.targets.items()} for query in queries]
    assert sorted(t for group in targets for t in group) == list(range(num_tokens))
    assert all(t % GROUP == min(group) for group in targets for t in group)
    assert all(ids[t] == token for group in targets for t, token in group.items())


def test_a_text_is_named_after_its_tokens():
    assert name_of([1, 2]) == name_of((1, 2)) != name_of([1, 3])
    assert len(name_of([1, 2])) == 12
