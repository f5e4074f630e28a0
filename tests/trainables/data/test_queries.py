"""Queries: the tokens that a model reads, and the tokens to predict."""

import random
from collections import Counter

import pytest
import torch

from trainables.data.opening import Opening
from trainables.data.queries import (
    Query,
    continuation_query,
    could_be_too_long,
    masked_query,
    refuse_long_texts,
    room,
    sentence_query,
    training_query,
)
from trainables.data.tokenizer import Tokenizer
from trainables.models.language_model import LanguageModel


def test_a_causal_model_predicts_every_token_from_those_before_it(llama):
    query = sentence_query(llama.tokenizer, [7, 8, 9])
    assert query == Query([*llama.tokenizer.start_ids, 7, 8], {0: 7, 1: 8, 2: 9})


def test_without_a_start_the_first_token_is_not_predicted(llama):
    bare = LanguageModel(llama.path, "causal", Opening("none"))
    assert sentence_query(bare.tokenizer, [7, 8, 9]) == Query([7, 8], {0: 8, 1: 9})
    assert sentence_query(bare.tokenizer, [7]) == Query([7], {})


def test_every_token_of_a_start_is_read_and_none_is_predicted(llama):
    llama.tokenizer.hf.chat_template = "the {{ messages[0]['content'] }} wolf"
    chat = Tokenizer(
        llama.tokenizer.hf, llama.path, "causal",
        vocab_size=llama.tokenizer.vocab_size, num_positions=64,
        opening=Opening(format="chat", prompt="eats"),
    )  # fmt: skip
    llama.tokenizer.hf.chat_template = None
    start = chat.encode(["the eats wolf"])[0]
    assert sentence_query(chat, [7, 8]) == Query([*start, 7], {2: 7, 3: 8})


def test_a_continuation_without_a_prefix_follows_the_start_of_the_harness(llama):
    bare = LanguageModel(llama.path, "causal", Opening("none"))
    start = llama.tokenizer.hf.bos_token_id
    assert continuation_query(bare.tokenizer, [7, 8], []) == Query([start, 7], {0: 7, 1: 8})


def test_a_prefix_is_read_and_not_predicted(llama):
    query = continuation_query(llama.tokenizer, [8, 9], [6, 7])
    assert query == Query([*llama.tokenizer.start_ids, 6, 7, 8], {2: 8, 3: 9})


def test_a_masked_model_predicts_the_tokens_that_are_masked(bert):
    query = masked_query(bert.tokenizer, [7, 8, 9], [0, 2])
    assert query.ids == [
        bert.tokenizer.start_ids[0],
        bert.tokenizer.mask_id,
        8,
        bert.tokenizer.mask_id,
        bert.tokenizer.end_id,
    ]
    assert query.targets == {1: 7, 3: 9}


def test_a_causal_model_is_trained_on_every_token(llama):
    assert training_query(llama.tokenizer, [7, 8, 9], "any seed") == sentence_query(
        llama.tokenizer, [7, 8, 9]
    )


@pytest.mark.parametrize(
    ("num_tokens", "num_targets"), [(1, 1), (3, 1), (9, 1), (10, 2), (20, 3), (40, 6)]
)
def test_a_masked_model_is_trained_on_fifteen_percent_of_the_tokens_and_at_least_one(
    num_tokens, num_targets, bert
):
    ids = list(range(5, 5 + num_tokens))
    query = training_query(bert.tokenizer, ids, "seed")
    assert len(query.targets) == num_targets
    assert all(ids[t - 1] == token for t, token in query.targets.items())
    assert [query.ids[0], query.ids[-1]] == [*bert.tokenizer.start_ids, bert.tokenizer.end_id]
    others = [t for t in range(1, num_tokens + 1) if t not in query.targets]
    assert [query.ids[t] for t in others] == [ids[t - 1] for t in others]


def test_of_the_tokens_to_predict_four_fifths_are_masked_and_a_tenth_is_read_as_it_is(bert):
    ids = list(range(5, 25))
    kinds = Counter()
    places = Counter()
    for n in range(2000):
        query = training_query(bert.tokenizer, ids, str(n))
        for t, token in query.targets.items():
            kind_of = {bert.tokenizer.mask_id: "masked", token: "kept"}
            kinds[kind_of.get(query.ids[t], "random")] += 1
            places[t] += 1
    shares = {kind: count / 6000 for kind, count in kinds.items()}
    assert shares == pytest.approx({"masked": 0.8, "kept": 0.1, "random": 0.1}, abs=0.02)
    assert min(places.values()) > 200  # 300 each are expected: none is left out
    assert len(places) == 20


def test_the_masks_are_a_function_of_the_seed(bert):
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


def test_a_text_that_does_not_fit_into_the_model_is_one_clear_sentence(model):
    ids = [5] * (model.tokenizer.max_tokens + 1)
    with pytest.raises(
        ValueError, match=f"must fit into the {model.tokenizer.max_tokens} positions"
    ):
        training_query(model.tokenizer, ids, "seed")


def test_a_text_that_must_fit_whole_is_refused_with_its_place(model):
    long = "the wolf " * model.tokenizer.max_tokens
    texts = [("mine.csv, row 1 (line 2)", "the wolf"), ("mine.csv, row 2 (line 3)", long)]
    refuse_long_texts(model.tokenizer, texts[:1])
    with pytest.raises(
        ValueError, match=r"^mine.csv, row 2 \(line 3\) must fit into the 64 positions"
    ):
        refuse_long_texts(model.tokenizer, texts)
    with pytest.raises(ValueError, match=r"^a text must fit .*: take a model with more positions"):
        refuse_long_texts(model.tokenizer, [("", long)])


def test_what_could_be_too_long_is_told_without_a_tokenizer(model):
    """The longest text that is not suspected fits, even with a token for every byte of it."""
    most = model.tokenizer.max_tokens
    assert not could_be_too_long([("", "x" * (most - 3))], most)
    assert could_be_too_long([("", "x"), ("", "ü" * (most // 2))], most)
    assert room(model.tokenizer) >= most - 3


def test_a_prefix_that_does_not_fit_is_cut_off_where_it_begins(llama):
    longest = llama.tokenizer.max_tokens
    query = continuation_query(llama.tokenizer, [7, 8], [5] * longest + [6])
    assert len(query.ids) == longest
    assert query.ids[-2:] == [6, 7]
    assert query.targets == {longest - 2: 7, longest - 1: 8}
