"""Comparisons: the two texts of a pair as two queries."""

from typing import get_args

import pytest
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st

from trainables.data.comparisons import (
    ComparedPair,
    ComparedPairs,
    Comparison,
    compare,
    differing_positions,
)
from trainables.data.queries import Query, masked_query, sentence_query


def pair_of(model, one, other):
    return tuple(model.tokenizer.encode([one, other]))


COOKS = ("when the cook came home he was sad", "when the baker came home she was sad")


def test_causal_sentences_are_compared_as_a_whole(llama):
    he, she = pair_of(llama, *COOKS)
    queries = compare(llama.tokenizer, he, she, "sentences", "")
    assert queries == (sentence_query(llama.tokenizer, he), sentence_query(llama.tokenizer, she))


@pytest.mark.parametrize("comparison", ["sentences", "differing"])
def test_masked_twins_predict_the_tokens_that_differ_all_masked_together(comparison, bert):
    he, she = pair_of(bert, *COOKS)
    queries = compare(bert.tokenizer, he, she, comparison, "")
    assert queries == (
        masked_query(bert.tokenizer, he, [2, 5]),
        masked_query(bert.tokenizer, she, [2, 5]),
    )


def test_causal_twins_may_predict_the_tokens_that_differ_alone(llama):
    he, she = pair_of(llama, *COOKS)
    one, other = compare(llama.tokenizer, he, she, "differing", "")
    assert (one.ids, other.ids) == (
        sentence_query(llama.tokenizer, he).ids,
        sentence_query(llama.tokenizer, she).ids,
    )
    assert one.targets == {2: he[2], 5: he[5]}
    assert other.targets == {2: she[2], 5: she[5]}


def test_the_first_difference_is_predicted_from_the_tokens_that_both_have_read(llama):
    he, she = pair_of(llama, *COOKS)
    one, other = compare(llama.tokenizer, he, she, "first_difference", "")
    assert one.ids == other.ids == [*llama.tokenizer.start_ids, *he[:2]]
    assert (one.targets, other.targets) == ({2: he[2]}, {2: she[2]})


def test_the_first_difference_of_masked_twins_is_predicted_where_all_differences_are_masked(bert):
    he, she = pair_of(bert, *COOKS)
    one, other = compare(bert.tokenizer, he, she, "first_difference", "")
    assert one.ids == other.ids == masked_query(bert.tokenizer, he, [2, 5]).ids
    assert (one.targets, other.targets) == ({3: he[2]}, {3: she[2]})


def test_causal_twins_share_the_tokens_after_their_first_difference(llama):
    he, she = pair_of(llama, *COOKS)
    one, other = compare(llama.tokenizer, he, she, "shared", "")
    expected = {3: "came", 4: "home", 6: "was", 7: "sad"}
    for query in (one, other):
        words = llama.tokenizer.hf.convert_ids_to_tokens(list(query.targets.values()))
        assert dict(zip(query.targets, words, strict=True)) == expected


def test_masked_twins_predict_fifteen_percent_of_their_shared_tokens_drawn_by_the_seed(bert):
    one_text = "the angry cook left the market when he felt sad again today at the old station"
    texts = pair_of(bert, one_text, one_text.replace("he felt", "she felt"))
    queries = [compare(bert.tokenizer, *texts, "shared", seed) for seed in "abcdefgh"]
    assert queries[0] == compare(bert.tokenizer, *texts, "shared", "a")
    assert len({tuple(one.targets) for one, _ in queries}) > 1
    for one, other in queries:
        assert one.targets == other.targets
        assert len(one.targets) == round(0.15 * (len(texts[0]) - 1))
        assert all(
            query.ids[t] == bert.tokenizer.mask_id for query in (one, other) for t in query.targets
        )
        assert {texts[0][7], texts[1][7]} <= {one.ids[8], other.ids[8]}, "he and she are read"


def test_as_written_nothing_is_masked_and_the_tokens_that_differ_are_targets(model):
    he, she = pair_of(model, *COOKS)
    one, other = compare(model.tokenizer, he, she, "as_written", "")
    ends = [model.tokenizer.end_id] if model.family == "masked" else []
    assert one.ids == [*model.tokenizer.start_ids, *he, *ends]
    assert one.targets == {3: he[2], 6: he[5]}
    assert other.targets == {3: she[2], 6: she[5]}


@pytest.mark.parametrize(
    ("comparison", "texts"),
    [
        ("differing", ("the cook slept", "the cook slept")),
        ("first_difference", ("the cook slept", "the cook slept")),
        ("first_difference", ("the cook slept", "the cook slept again")),
        ("shared", ("the cook slept", "the cook slept")),
        ("as_written", ("the cook slept", "the cook slept")),
    ],
)
def test_where_there_is_nothing_to_compare_no_token_is_predicted(comparison, texts, model):
    one, other = compare(model.tokenizer, *pair_of(model, *texts), comparison, "")
    assert one.targets == other.targets == {}


def test_after_a_difference_at_the_very_end_causal_twins_share_nothing(llama):
    texts = pair_of(llama, "the cook felt sad", "the cook felt calm")
    assert [q.targets for q in compare(llama.tokenizer, *texts, "shared", "")] == [{}, {}]


@pytest.mark.parametrize("comparison", get_args(Comparison))
def test_both_sides_of_a_comparison_predict_as_many_tokens_where_words_are_exchanged(
    comparison, model
):
    one, other = compare(model.tokenizer, *pair_of(model, *COOKS), comparison, "")
    assert len(one.targets) == len(other.targets) > 0
    assert list(one.targets) == sorted(one.targets)


def test_masked_twins_of_which_one_has_no_token_of_its_own_can_be_compared(bert):
    short, long = pair_of(bert, "the cook slept", "the angry cook slept")
    one, other = compare(bert.tokenizer, short, long, "sentences", "")
    assert one.targets == {}
    assert list(other.targets) == [2]


@pytest.mark.parametrize(
    ("ids", "twin", "apart"),
    [
        ([1, 2, 3], [1, 2, 3], ([], [])),
        ([1, 2, 3], [1, 9, 3], ([1], [1])),
        ([1, 2, 3], [1, 3], ([1], [])),
        ([1, 3], [1, 2, 3], ([], [1])),
        ([1, 2, 2, 3], [1, 8, 9, 9, 3], ([1, 2], [1, 2, 3])),
        ([4, 5], [6], ([0, 1], [0])),
        ([], [1], ([], [0])),
        ([1, 2, 3, 4], [1, 4, 3, 2], ([2, 3], [1, 2])),  # 1 2: the first match counts
    ],
)
def test_differing_positions_are_as_worked_out_by_hand(ids, twin, apart):
    assert differing_positions(ids, twin) == apart


@pytest.mark.parametrize("length", [20, 199, 200, 500])
def test_differing_positions_do_not_depend_on_how_long_a_text_is(length):
    """difflib by itself takes what is frequent in long texts for junk."""
    ids = [7] * length
    ids[10:13] = [1, 7, 2]
    twin = list(ids)
    twin[10], twin[12] = 3, 4
    assert differing_positions(ids, twin) == ([10, 12], [10, 12])


IDS = st.lists(st.integers(0, 4), max_size=12)


@given(IDS, IDS)
def test_tokens_that_do_not_differ_are_the_same_in_the_same_order(ids, twin):
    apart, apart_in_twin = differing_positions(ids, twin)
    shared = [token for t, token in enumerate(ids) if t not in apart]
    assert shared == [token for t, token in enumerate(twin) if t not in apart_in_twin]


def pairs_of(model, comparison, max_tokens):
    rows = [
        {"stereotype_ids": [5, 6, 7], "antistereotype_ids": [5, 6, 8], "real_share": 0.9},
        {"stereotype_ids": [5, 6], "antistereotype_ids": [5, 6], "real_share": float("nan")},
    ]
    return ComparedPairs(Dataset.from_list(rows), model.tokenizer, comparison, max_tokens)


def test_a_pair_of_a_table_has_its_queries_and_its_real_share(llama):
    pairs = pairs_of(llama, "first_difference", 3)
    read = [*llama.tokenizer.start_ids, 5, 6]
    assert len(pairs) == 2
    assert pairs[0] == ComparedPair(Query(read, {2: 7}), Query(read, {2: 8}), 0.9)
    assert pairs.real_shares == pytest.approx([0.9, float("nan")], nan_ok=True)


def test_pairs_are_compared_in_the_tokens_before_the_cut_alone(llama):
    assert pairs_of(llama, "differing", 3).any_differ()
    cut = pairs_of(llama, "differing", 2)
    assert not cut.any_differ()
    assert cut[0].stereotype == cut[0].antistereotype == Query([*llama.tokenizer.start_ids, 5], {})
