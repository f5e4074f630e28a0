"""How many tokens an evaluator has a model read."""

import pytest
from pydantic import TypeAdapter

from sweep.planning.work.evaluation_work import is_counted_exactly, reading_of, tokens_read
from trainables.evaluators import AnyEvaluator

EVALUATOR = TypeAdapter(AnyEvaluator)


def evaluator(name, **settings) -> AnyEvaluator:
    """Return an evaluator."""
    return EVALUATOR.validate_python({"name": name} | settings)


def test_passages_are_as_many_and_as_long_as_the_settings_say():
    assert tokens_read(evaluator("perplexity", limit=40, max_tokens=192), "causal", 5) == 40 * 192
    assert (
        tokens_read(evaluator("perplexity", limit=40, max_tokens=192), "masked", 5) == 7 * 40 * 192
    )
    assert is_counted_exactly(evaluator("perplexity"))


def test_texts_at_hand_are_counted():
    miniature = evaluator("stereoset", data="miniature", limit=10)
    reading = reading_of(miniature)
    assert reading.is_at_hand
    assert reading.num_texts == len(miniature.texts()) == 30
    assert is_counted_exactly(miniature)


def test_data_that_are_not_at_hand_count_as_usual_and_are_not_fetched():
    reading = reading_of(evaluator("crows_pairs"))
    assert reading == (524, 67, False)
    assert reading_of(evaluator("crows_pairs", limit=10)) == (20, 67, False)
    assert not is_counted_exactly(evaluator("crows_pairs"))
    assert not is_counted_exactly(evaluator("probe", data="glue/sst2"))


def test_a_masked_model_reads_a_sentence_once_for_each_of_its_tokens():
    causal = tokens_read(evaluator("crows_pairs"), "causal", 5)
    masked = tokens_read(evaluator("crows_pairs"), "masked", 5)
    assert masked == pytest.approx(causal * (67 / 5 + 2))


def test_fine_tuning_counts_three_times_what_it_trains_on():
    probe = tokens_read(evaluator("probe", data="glue/sst2", train=100, test=100), "masked", 5)
    tuned = tokens_read(evaluator("finetune", data="glue/sst2", test=100), "masked", 5)
    assert probe == pytest.approx(200 * 22)
    assert tuned == pytest.approx((50 * 16 * 3 + 100) * 22)


def test_weights_read_nothing():
    assert tokens_read(evaluator("weights"), "causal", 5) == 1
