"""The scores of alternatives, and which one is chosen."""

import json
import math

import pytest

from trainables.data.sets.multiple_choice import Item
from trainables.evaluators import MultipleChoice
from trainables.scoring.choices import chosen, is_right, scores


@pytest.mark.parametrize(
    ("scores", "answer", "right"),
    [
        ([-1.0, -2.0], 0, 1.0),
        ([-1.0, -2.0], 1, 0.0),
        ([-1.0, -1.0], 0, 1.0),
        ([-1.0, -1.0], 1, 0.0),
    ],
)
def test_the_first_of_the_likeliest_is_the_answer(scores, answer, right):
    assert is_right(scores, answer) == right


def test_a_score_that_is_no_number_is_neither_right_nor_wrong():
    assert math.isnan(is_right([math.nan, -1.0], 0))
    assert math.isnan(is_right([-1.0, math.nan], 0))


def test_spaces_that_end_a_question_belong_to_the_alternative(llama, oracle, own_cache):
    (own_cache / "openbookqa").mkdir()
    row = {"question": "the wolf eats ", "options": "A. deer\nB. grass", "answer": "A. deer"}
    (own_cache / "openbookqa" / "test.jsonl").write_text(json.dumps(row) + "\n")
    (found,) = scores(llama, MultipleChoice(task="openbookqa").items())
    prefix, *each = llama.tokenizer.encode(["the wolf eats", "deer", "grass"])
    expected = [oracle(llama).log_probs(ids, prefix)[0] for ids in each]
    assert found == pytest.approx(expected, abs=1e-4)


def test_an_alternative_without_a_token_is_one_clear_sentence(model):
    """Nothing at all would be the likeliest answer: its log-probability is 0."""
    items = [Item("the wolf eats", [" deer", " "], 0)]
    with pytest.raises(ValueError, match=r"item 1: every alternative must have a token after"):
        scores(model, items)


def test_nothing_is_chosen_where_a_score_is_no_number():
    assert chosen([-2.0, -1.0, -1.0]) == 1
    assert chosen([-2.0, math.nan]) is None
