"""Which passages are drawn, which of their tokens count, and how each of these is scored once."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.data.opening import Opening
from trainables.data.queries import room
from trainables.models.language_model import LanguageModel
from trainables.scoring.general_text import (
    GROUP,
    Passage,
    draw_passages,
    draw_sentences,
    fewest_tokens,
    name_of,
    nll_queries,
)


def counted(passages):
    return [token for ids, num_context, _ in passages for token in ids[num_context:]]


def test_an_article_is_cut_into_windows_that_each_begin_with_the_end_of_the_one_before():
    passages = draw_passages([(range(10), "a")], 9, max_tokens=6, context=2)
    assert passages == [
        Passage((0, 1, 2, 3, 4, 5), 2, "a"),
        Passage((4, 5, 6, 7, 8, 9), 2, "a"),
    ]


@given(st.integers(1, 400), st.integers(0, 40), st.integers(1, 100))
def test_every_token_of_a_long_article_counts_once_but_for_its_first_and_a_short_rest(
    length, context, beyond
):
    """A rest of at most `context` tokens behind the context is too short to be a window."""
    max_tokens = 2 * context + beyond
    passages = draw_passages([(range(length), "a")], 1000, max_tokens, context)
    if length <= 2 * context:
        assert counted(passages) == list(range(length // 2, length))
        return
    tokens = counted(passages)
    assert tokens == list(range(context, context + len(tokens)))
    assert 0 <= length - context - len(tokens) <= context


def test_windows_that_are_mostly_context_are_left_out_if_the_set_has_longer_ones():
    articles = [(range(4), "short"), (range(10, 20), "long")]
    assert [each.source for each in draw_passages(articles, 9, 10, 2)] == ["long"]


def test_half_of_each_is_context_in_a_set_of_short_texts():
    articles = [([1, 2, 3], "a"), ([4], "b")]
    assert draw_passages(articles, 9, 10, 2) == [
        Passage((1, 2, 3), 1, "a"),
        Passage((4,), 0, "b"),
    ]


def test_no_passage_counts_twice_and_it_has_the_source_of_the_first():
    articles = [([1, 2, 3], "a"), ([1, 2, 3], "b"), ([4, 5], "c")]
    assert [each.source for each in draw_passages(articles, 9, 10, 0)] == ["a", "c"]


def test_the_draw_depends_on_the_number_of_passages_alone():
    first, second = ([([n, start], "a") for n in range(50)] for start in (7, 8))
    drawn = [[ids[0] for ids, _, _ in draw_passages(texts, 5, 9, 0)] for texts in (first, second)]
    assert drawn[0] == drawn[1] == sorted(drawn[0])
    assert drawn[0] != [0, 1, 2, 3, 4], "they are not the first"


def test_sentences_are_cut_and_drawn_once_each():
    sentences = [[1, 2, 3], [1, 2, 4], [1, 2, 3], [5]]
    assert draw_sentences(sentences, 9, 3) == [(1, 2, 3), (1, 2, 4), (5,)]
    assert draw_sentences(sentences, 9, 2) == [(1, 2), (5,)]
    assert len(draw_sentences(sentences, 2, 3)) == 2


def test_a_text_must_have_two_tokens_where_nothing_stands_before_it(llama, bert):
    bare = LanguageModel(llama.path, "causal", Opening("none"))
    assert [fewest_tokens(each.tokenizer) for each in (llama, bert, bare)] == [1, 1, 2]


@pytest.mark.long
@given(
    st.lists(st.lists(st.integers(5, 9), min_size=1, max_size=6), min_size=1, max_size=5),
    st.integers(0, 2),
    st.sampled_from(["auto", "none"]),
)
def test_every_drawn_text_has_a_counted_token(loaded, texts, context, start):
    tokenizer = LanguageModel(loaded["miniature-llama"].path, "causal", Opening(start)).tokenizer
    min_tokens = fewest_tokens(tokenizer)
    passages = draw_passages([(ids, "a") for ids in texts], 99, 5, context, min_tokens)
    sentences = draw_sentences(texts, 99, 5, min_tokens)
    drawn = [(ids, num_context) for ids, num_context, _ in passages]
    for ids, num_context in [*drawn, *((ids, 0) for ids in sentences)]:
        (query,) = nll_queries(tokenizer, ids, num_context)
        assert query.targets
    assert bool(passages) == bool(sentences) == any(len(ids) >= min_tokens for ids in texts)


def test_texts_of_a_single_token_are_left_out_where_they_have_nothing_to_predict():
    articles = [([1], "a"), ([2, 3], "b"), ([4, 5, 6, 7], "c")]
    drawn = draw_passages(articles, 9, max_tokens=3, context=0, min_tokens=2)
    assert [ids for ids, _, _ in drawn] == [(2, 3), (4, 5, 6)], "nor the rest of an article"
    assert draw_passages(articles[:1], 9, 3, 0, min_tokens=2) == []
    assert draw_sentences([[1], [2, 3], [1]], 9, 3, min_tokens=2) == [(2, 3)]


def test_every_token_of_a_causal_text_is_a_target_of_one_query_but_its_context(llama):
    (query,) = nll_queries(llama.tokenizer, [7, 8, 9])
    assert query.targets == {0: 7, 1: 8, 2: 9}
    (query,) = nll_queries(llama.tokenizer, [7, 8, 9], 2)
    assert query.targets == {2: 9}
    assert list(query.ids) == [*llama.tokenizer.start_ids, 7, 8], "the context is read"


def test_the_context_is_counted_from_the_text_whatever_stands_before_it(llama):
    bare = LanguageModel(llama.path, "causal", Opening("none"))
    (query,) = nll_queries(bare.tokenizer, [7, 8, 9], 1)
    assert (list(query.ids), query.targets) == ([7, 8], {0: 8, 1: 9})


@pytest.mark.parametrize("num_tokens", [1, 6, 7, 8, 20])
def test_every_token_of_a_masked_text_is_a_target_once_each_seventh_together(num_tokens, bert):
    ids = list(range(5, 5 + num_tokens))
    queries = nll_queries(bert.tokenizer, ids, 3)
    assert len(queries) == min(GROUP, num_tokens)
    targets = [{t - 1: token for t, token in query.targets.items()} for query in queries]
    assert sorted(t for group in targets for t in group) == list(range(num_tokens))
    assert all(t % GROUP == min(group) for group in targets for t in group)
    assert all(ids[t] == token for group in targets for t, token in group.items())


def test_the_longest_passage_fits_into_the_positions(model):
    for query in nll_queries(model.tokenizer, [5] * room(model.tokenizer)):
        assert len(query.ids) <= model.tokenizer.max_tokens


def test_a_prompt_that_leaves_no_room_for_a_text_is_one_sentence(llama):
    tokenizer = copy.copy(llama.tokenizer)
    tokenizer.start_ids = (5,) * (tokenizer.max_tokens - 1)
    assert room(tokenizer) == 1
    for beyond in (0, 3):
        tokenizer.start_ids = (5,) * (tokenizer.max_tokens + beyond)
        with pytest.raises(ValueError, match=r"model\.prompt must leave room .* a shorter one"):
            room(tokenizer)


def test_a_text_is_named_after_its_tokens():
    assert name_of([1, 2]) == name_of((1, 2)) != name_of([1, 3])
    assert len(name_of([1, 2])) == 12
