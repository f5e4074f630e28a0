"""What is read, and what is asked."""

import random
from collections import Counter
from typing import get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainables.data.comparisons import Comparison, compare, differing
from trainables.data.queries import Query, masked, sentence, training_query
from trainables.models.batch import IGNORE


def ids_of(model, text):
    (ids,) = model.tokenizer.encode([text])
    return ids


def test_a_causal_model_is_asked_for_every_token_after_those_before_it(llama):
    query = sentence(llama.tokenizer, [7, 8, 9])
    assert query == Query([llama.tokenizer.start_id, 7, 8], {0: 7, 1: 8, 2: 9})


def test_a_prefix_shifts_what_is_asked(llama):
    query = sentence(llama.tokenizer, [8, 9], prefix=[6, 7])
    assert query == Query([llama.tokenizer.start_id, 6, 7, 8], {2: 8, 3: 9})


def test_a_masked_model_is_asked_for_the_tokens_that_it_does_not_see(bert):
    query = masked(bert.tokenizer, [7, 8, 9], [0, 2])
    assert query.ids == [
        bert.tokenizer.start_id,
        bert.tokenizer.mask_id,
        8,
        bert.tokenizer.mask_id,
        bert.tokenizer.end_id,
    ]
    assert query.targets == {1: 7, 3: 9}


def test_batches_are_padded_on_the_right_and_ask_nothing_there(llama):
    texts = llama.batch([Query([5, 6, 7], {0: 6, 2: 9}), Query([8], {0: 9})])
    pad = llama.tokenizer.pad_id
    assert texts.ids_BT.tolist() == [[5, 6, 7], [8, pad, pad]]
    assert texts.attention_BT.tolist() == [[1, 1, 1], [1, 0, 0]]
    assert texts.targets_BT.tolist() == [[6, IGNORE, 9], [9, IGNORE, IGNORE]]
    assert texts.predicted_BT.tolist() == [[True, False, True], [True, False, False]]


def test_a_query_may_ask_nothing(llama):
    texts = llama.batch([Query([5, 6], {}), Query([8], {0: 9})])
    assert texts.predicted_BT.tolist() == [[False, False], [True, False]]
    assert llama.batch([Query([5], {})]).predicted_BT.sum() == 0


def test_a_causal_model_learns_every_token(llama):
    assert training_query(llama.tokenizer, [7, 8, 9], "any seed") == sentence(
        llama.tokenizer, [7, 8, 9]
    )


@pytest.mark.parametrize(
    ("num_tokens", "num_asked"), [(1, 1), (3, 1), (9, 1), (10, 2), (20, 3), (40, 6)]
)
def test_a_masked_model_learns_fifteen_percent_of_the_tokens_and_at_least_one(
    num_tokens, num_asked, bert
):
    ids = list(range(5, 5 + num_tokens))
    query = training_query(bert.tokenizer, ids, "seed")
    assert len(query.targets) == num_asked
    assert all(ids[t - 1] == token for t, token in query.targets.items())
    assert [query.ids[0], query.ids[-1]] == [bert.tokenizer.start_id, bert.tokenizer.end_id]
    unasked = [t for t in range(1, num_tokens + 1) if t not in query.targets]
    assert [query.ids[t] for t in unasked] == [ids[t - 1] for t in unasked]


def test_of_the_asked_tokens_four_fifths_are_masked_and_a_tenth_is_kept(bert):
    ids = list(range(5, 25))
    kinds = Counter()
    places = Counter()
    for n in range(2000):
        query = training_query(bert.tokenizer, ids, str(n))
        for t, token in query.targets.items():
            read = query.ids[t]
            kinds[{bert.tokenizer.mask_id: "masked", token: "kept"}.get(read, "random")] += 1
            places[t] += 1
    shares = {kind: count / 6000 for kind, count in kinds.items()}
    assert shares == pytest.approx({"masked": 0.8, "kept": 0.1, "random": 0.1}, abs=0.02)
    assert min(places.values()) > 200  # 300 each are expected: none is left out
    assert len(places) == 20


def test_what_is_masked_is_a_function_of_the_seed(bert):
    ids = list(range(5, 45))
    assert training_query(bert.tokenizer, ids, "1 2") == training_query(bert.tokenizer, ids, "1 2")
    assert training_query(bert.tokenizer, ids, "1 2") != training_query(bert.tokenizer, ids, "1 3")


def test_drawing_masks_leaves_the_global_random_numbers_alone(bert):
    random.seed(3)
    torch.manual_seed(3)
    expected = random.random(), torch.rand(1)
    random.seed(3)
    torch.manual_seed(3)
    training_query(bert.tokenizer, list(range(5, 45)), "seed")
    assert (random.random(), torch.rand(1)) == expected


def pair_of(model, one, other):
    return ids_of(model, one), ids_of(model, other)


COOKS = ("when the cook came home he was sad", "when the baker came home she was sad")


def test_causal_sentences_are_compared_as_a_whole(llama):
    he, she = pair_of(llama, *COOKS)
    found = compare(llama.tokenizer, he, she, "sentences", "")
    assert found == (sentence(llama.tokenizer, he), sentence(llama.tokenizer, she))


@pytest.mark.parametrize("comparison", ["sentences", "differing"])
def test_masked_twins_are_asked_for_what_tells_them_apart_all_masked_together(comparison, bert):
    he, she = pair_of(bert, *COOKS)
    found = compare(bert.tokenizer, he, she, comparison, "")
    assert found == (masked(bert.tokenizer, he, [2, 5]), masked(bert.tokenizer, she, [2, 5]))


def test_causal_twins_may_be_asked_for_what_tells_them_apart_alone(llama):
    he, she = pair_of(llama, *COOKS)
    one, other = compare(llama.tokenizer, he, she, "differing", "")
    assert (one.ids, other.ids) == (
        sentence(llama.tokenizer, he).ids,
        sentence(llama.tokenizer, she).ids,
    )
    assert one.targets == {2: he[2], 5: he[5]}
    assert other.targets == {2: she[2], 5: she[5]}


def test_the_first_difference_is_asked_for_after_what_both_have_read(llama):
    he, she = pair_of(llama, *COOKS)
    one, other = compare(llama.tokenizer, he, she, "first_difference", "")
    assert one.ids == other.ids == [llama.tokenizer.start_id, *he[:2]]
    assert (one.targets, other.targets) == ({2: he[2]}, {2: she[2]})


def test_the_first_difference_of_masked_twins_is_asked_for_where_all_are_masked(bert):
    he, she = pair_of(bert, *COOKS)
    one, other = compare(bert.tokenizer, he, she, "first_difference", "")
    assert one.ids == other.ids == masked(bert.tokenizer, he, [2, 5]).ids
    assert (one.targets, other.targets) == ({3: he[2]}, {3: she[2]})


def test_causal_twins_share_what_follows_their_first_difference(llama):
    he, she = pair_of(llama, *COOKS)
    one, other = compare(llama.tokenizer, he, she, "shared", "")
    expected = {3: "came", 4: "home", 6: "was", 7: "sad"}
    for query in (one, other):
        words = llama.tokenizer.hf.convert_ids_to_tokens(list(query.targets.values()))
        assert dict(zip(query.targets, words, strict=True)) == expected


def test_masked_twins_share_a_seventh_of_all_that_both_have_drawn_by_the_seed(bert):
    one_text = "the angry cook left the market when he felt sad again today at the old station"
    texts = pair_of(bert, one_text, one_text.replace("he felt", "she felt"))
    found = [compare(bert.tokenizer, *texts, "shared", seed) for seed in "abcdefgh"]
    assert found[0] == compare(bert.tokenizer, *texts, "shared", "a")
    assert len({tuple(one.targets) for one, _ in found}) > 1
    for one, other in found:
        assert one.targets == other.targets
        assert len(one.targets) == round(0.15 * (len(texts[0]) - 1))
        assert all(
            query.ids[t] == bert.tokenizer.mask_id for query in (one, other) for t in query.targets
        )
        assert {texts[0][7], texts[1][7]} <= {one.ids[8], other.ids[8]}, "he and she are read"


def test_as_written_nothing_is_masked_and_what_differs_is_marked(model):
    he, she = pair_of(model, *COOKS)
    one, other = compare(model.tokenizer, he, she, "as_written", "")
    ends = [model.tokenizer.end_id] if model.family == "masked" else []
    assert one.ids == [model.tokenizer.start_id, *he, *ends]
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
def test_where_there_is_nothing_to_compare_no_token_is_asked_for(comparison, texts, model):
    one, other = compare(model.tokenizer, *pair_of(model, *texts), comparison, "")
    assert one.targets == other.targets == {}


def test_after_a_difference_at_the_very_end_causal_twins_share_nothing(llama):
    texts = pair_of(llama, "the cook felt sad", "the cook felt calm")
    assert [q.targets for q in compare(llama.tokenizer, *texts, "shared", "")] == [{}, {}]


@pytest.mark.parametrize("comparison", get_args(Comparison))
def test_both_sides_of_a_comparison_ask_the_same_number_where_words_are_exchanged(
    comparison, model
):
    one, other = compare(model.tokenizer, *pair_of(model, *COOKS), comparison, "")
    assert len(one.targets) == len(other.targets) > 0
    assert list(one.targets) == sorted(one.targets)


def test_masked_twins_of_which_one_has_nothing_of_its_own_can_be_compared(bert):
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
def test_tokens_apart_are_as_worked_out_by_hand(ids, twin, apart):
    assert differing(ids, twin) == apart


@pytest.mark.parametrize("length", [20, 199, 200, 500])
def test_what_differs_does_not_depend_on_how_long_a_text_is(length):
    """difflib by itself takes what is frequent in long texts for junk."""
    ids = [7] * length
    ids[10:13] = [1, 7, 2]
    twin = list(ids)
    twin[10], twin[12] = 3, 4
    assert differing(ids, twin) == ([10, 12], [10, 12])


IDS = st.lists(st.integers(0, 4), max_size=12)


@given(IDS, IDS)
def test_what_is_not_apart_is_the_same_tokens_in_the_same_order(ids, twin):
    apart, apart_in_twin = differing(ids, twin)
    shared = [token for t, token in enumerate(ids) if t not in apart]
    assert shared == [token for t, token in enumerate(twin) if t not in apart_in_twin]
