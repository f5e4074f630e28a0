"""Our engine as a model of the harness, against the harness's own model on the same weights."""

import pytest

from trainables.harness.engine import Engine

SENTENCE = "anna found the red lamp at the market today"
PAIRS = [
    ("the wolf eats", " deer"),
    ("the wolf eats", " frogs"),
    ("the wolf eats ", "deer"),
    ("", "the wolf eats deer"),
    ("", "<s> the wolf eats"),
    ("<s> the wolf", " eats deer"),
    ("the nurse said that", f" {SENTENCE}"),
    (" ".join([SENTENCE] * 9), f" {SENTENCE}"),  # does not fit: cut at its beginning
    ("unknown zzz", " words"),
]
TEXTS = ["the wolf eats deer", " ".join([SENTENCE] * 20), "the", "<s> the wolf", ""]


def test_log_likelihoods_and_greedy_answers_are_those_of_the_harness(llama, hflm, requests):
    made = requests("loglikelihood", PAIRS)
    ours = Engine(llama).loglikelihood(made)
    theirs = hflm.loglikelihood(made, disable_tqdm=True)
    assert [value for value, _ in ours] == pytest.approx([v for v, _ in theirs], rel=1e-6, abs=1e-5)
    assert [greedy for _, greedy in ours] == [greedy for _, greedy in theirs]
    assert {greedy for _, greedy in ours} == {True, False}


def test_whole_texts_are_scored_in_the_windows_of_the_harness(llama, hflm, requests):
    made = requests("loglikelihood_rolling", [(text,) for text in TEXTS])
    ours = Engine(llama).loglikelihood_rolling(made)
    theirs = hflm.loglikelihood_rolling(made, disable_tqdm=True)
    assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-5)


def test_the_tokens_of_a_text_are_those_of_the_harness(llama, hflm):
    engine = Engine(llama)
    for text in (*TEXTS, "<s>", "<s> <s> the"):
        for special in (None, False, True):
            expected = hflm.tok_encode(text, add_special_tokens=special)
            assert engine.tok_encode(text, add_special_tokens=special) == expected
    assert engine.prefix_token_id == hflm.prefix_token_id
    assert engine.eot_token_id == hflm.eot_token_id
    assert engine.max_length == hflm.max_length


def test_an_answer_without_a_token_is_refused_in_a_sentence(llama, requests):
    with pytest.raises(ValueError, match=r"every answer must have a token, .* 0 to score\.$"):
        Engine(llama).loglikelihood(requests("loglikelihood", [("the wolf", " ")]))


def test_an_answer_that_does_not_fit_is_refused_in_a_sentence(llama, requests):
    made = requests("loglikelihood", [("the wolf", " deer" * 65)])
    with pytest.raises(ValueError, match="must fit into the 64 positions"):
        Engine(llama).loglikelihood(made)
