"""What is read, and what is asked."""

import random
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainables.batch import IGNORE, Query, differing, masked, padded, sentence, to_learn, twins


def ids_of(model, text):
    (ids,) = model.encode([text])
    return ids


def test_a_causal_model_is_asked_for_every_token_after_those_before_it(llama):
    query = sentence(llama, [7, 8, 9])
    assert query == Query([llama.start_id, 7, 8], {0: 7, 1: 8, 2: 9})


def test_a_prefix_shifts_what_is_asked(llama):
    query = sentence(llama, [8, 9], prefix=[6, 7])
    assert query == Query([llama.start_id, 6, 7, 8], {2: 8, 3: 9})


def test_a_masked_model_is_asked_for_the_tokens_that_it_does_not_see(bert):
    query = masked(bert, [7, 8, 9], [0, 2])
    assert query.ids == [bert.start_id, bert.mask_id, 8, bert.mask_id, bert.end_id]
    assert query.targets == {1: 7, 3: 9}


def test_batches_are_padded_on_the_right_and_ask_nothing_there(llama):
    texts = padded(llama, [Query([5, 6, 7], {0: 6, 2: 9}), Query([8], {0: 9})])
    pad = llama.pad_id
    assert texts.ids_BT.tolist() == [[5, 6, 7], [8, pad, pad]]
    assert texts.attention_BT.tolist() == [[1, 1, 1], [1, 0, 0]]
    assert texts.targets_BT.tolist() == [[6, IGNORE, 9], [9, IGNORE, IGNORE]]
    assert texts.predicted_BT.tolist() == [[True, False, True], [True, False, False]]


def test_a_query_may_ask_nothing(llama):
    texts = padded(llama, [Query([5, 6], {}), Query([8], {0: 9})])
    assert texts.predicted_BT.tolist() == [[False, False], [True, False]]
    assert padded(llama, [Query([5], {})]).predicted_BT.sum() == 0


def test_a_causal_model_learns_every_token(llama):
    assert to_learn(llama, [7, 8, 9], "any seed") == sentence(llama, [7, 8, 9])


@pytest.mark.parametrize(
    ("num_tokens", "num_asked"), [(1, 1), (3, 1), (9, 1), (10, 2), (20, 3), (40, 6)]
)
def test_a_masked_model_learns_fifteen_percent_of_the_tokens_and_at_least_one(
    num_tokens, num_asked, bert
):
    ids = list(range(5, 5 + num_tokens))
    query = to_learn(bert, ids, "seed")
    assert len(query.targets) == num_asked
    assert all(ids[t - 1] == token for t, token in query.targets.items())
    assert [query.ids[0], query.ids[-1]] == [bert.start_id, bert.end_id]
    unasked = [t for t in range(1, num_tokens + 1) if t not in query.targets]
    assert [query.ids[t] for t in unasked] == [ids[t - 1] for t in unasked]


def test_of_the_asked_tokens_four_fifths_are_masked_and_a_tenth_is_kept(bert):
    ids = list(range(5, 25))
    kinds = Counter()
    places = Counter()
    for n in range(2000):
        query = to_learn(bert, ids, str(n))
        for t, token in query.targets.items():
            read = query.ids[t]
            kinds[{bert.mask_id: "masked", token: "kept"}.get(read, "random")] += 1
            places[t] += 1
    shares = {kind: count / 6000 for kind, count in kinds.items()}
    assert shares == pytest.approx({"masked": 0.8, "kept": 0.1, "random": 0.1}, abs=0.02)
    assert min(places.values()) > 200  # 300 each are expected: none is left out
    assert len(places) == 20


def test_what_is_masked_is_a_function_of_the_seed(bert):
    ids = list(range(5, 45))
    assert to_learn(bert, ids, "1 2") == to_learn(bert, ids, "1 2")
    assert to_learn(bert, ids, "1 2") != to_learn(bert, ids, "1 3")


def test_drawing_masks_leaves_the_global_random_numbers_alone(bert):
    random.seed(3)
    torch.manual_seed(3)
    expected = random.random(), torch.rand(1)
    random.seed(3)
    torch.manual_seed(3)
    to_learn(bert, list(range(5, 45)), "seed")
    assert (random.random(), torch.rand(1)) == expected


def test_causal_twins_are_whole_sentences(llama):
    he, she = (ids_of(llama, f"the nurse said that {word} was sad") for word in ("he", "she"))
    assert twins(llama, he, she) == (sentence(llama, he), sentence(llama, she))


def test_masked_twins_are_asked_for_what_tells_them_apart_all_masked_together(bert):
    he = ids_of(bert, "when the cook came home he was sad")
    she = ids_of(bert, "when the baker came home she was sad")
    assert twins(bert, he, she) == (masked(bert, he, [2, 5]), masked(bert, she, [2, 5]))


def test_masked_twins_of_which_one_has_nothing_of_its_own_can_be_compared(bert):
    short, long = ids_of(bert, "the cook slept"), ids_of(bert, "the angry cook slept")
    one, other = twins(bert, short, long)
    assert one.targets == {}
    assert list(other.targets) == [2]
    for per in ("token", "sentence"):
        found = bert.log_likelihood(padded(bert, [one, other]), per=per).tolist()
        assert found[0] == 0
        assert found[1] < 0


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


IDS = st.lists(st.integers(0, 4), max_size=12)


@given(IDS, IDS)
def test_what_is_not_apart_is_the_same_tokens_in_the_same_order(ids, twin):
    apart, apart_in_twin = differing(ids, twin)
    shared = [token for t, token in enumerate(ids) if t not in apart]
    assert shared == [token for t, token in enumerate(twin) if t not in apart_in_twin]
