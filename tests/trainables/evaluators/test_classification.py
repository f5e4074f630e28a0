"""A classifier that is trained and measured on a user's file of labelled texts."""

import json
import math

import pytest
from pydantic import ValidationError

from trainables.evaluators import FineTune, Probe
from trainables.evaluators.classification import Classification

ACCURACY = "task/moods/constant_accuracy"


class Constant(Classification):
    """A classifier that gives every text the same label, or none."""

    about = "accuracy of a constant label"
    name: str = "constant"
    label: str | None

    def predict(self, model, train, texts):
        return [self.label] * len(texts)


@pytest.fixture
def file(tmp_path):
    rows = [{"text": f"text {n}", "label": "sad" if n % 3 else "glad"} for n in range(40)]
    path = tmp_path / "moods.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_the_accuracy_is_the_share_of_texts_to_measure_on_with_their_label(file):
    evaluator = Constant(data=str(file), label="sad", train=5, test=9)
    test = evaluator.items()[5:]
    expected = sum(row.label == "sad" for row in test) / 9
    assert evaluator.measure(None, {})[ACCURACY].value == pytest.approx(expected)
    assert [metric.name for metric in evaluator.metrics("causal")] == [ACCURACY]


def test_no_label_makes_the_accuracy_nan(file):
    evaluator = Constant(data=str(file), label=None, train=5, test=9)
    assert math.isnan(evaluator.measure(None, {})[ACCURACY].value)


def test_items_are_the_texts_to_train_on_and_those_to_measure_on(file):
    evaluator = Constant(data=str(file), label="sad", train=5, test=9)
    assert len(evaluator.items()) == 5 + 9
    assert evaluator.texts() == [row.texts[0] for row in evaluator.items()]


@pytest.mark.parametrize("evaluator", [Probe, FineTune])
def test_an_unknown_set_of_labelled_texts_is_one_clear_sentence(evaluator):
    with pytest.raises(ValidationError, match="must name labelled texts that are known"):
        evaluator(data="nowhere")
