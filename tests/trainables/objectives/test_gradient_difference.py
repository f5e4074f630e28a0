"""Climbing the loss of stereotypes, descending that of their opposites."""

import numpy as np
import pytest

from tests.conformance import pair_predictions
from trainables import trial
from trainables.objectives import GradientAscent, GradientDifference
from trainables.training.stream import Stream


def test_the_term_beside_the_texts_is_that_of_gradient_ascent(model):
    for settings in ({}, {"weight": 0.5}, {"until": 1.0}):
        difference, ascent = GradientDifference(**settings), GradientAscent(**settings)
        loss = difference.pair_loss(model, pair_predictions(model, difference)).item()
        assert loss == ascent.pair_loss(model, pair_predictions(model, ascent)).item()


def test_a_step_is_the_nll_of_opposites_less_that_of_stereotypes(llama, oracle, configure):
    config = configure(
        alignment={"data": "miniature", "size": 8},
        objective={"name": "gradient_difference", "weight": 0.5},
    )
    stream = Stream(config, llama)
    (micro_batch,) = stream.micro_batches(0)
    retained, forgotten = [], []
    for row in stream.pairs.table:
        retained += oracle(llama).log_probs(row["antistereotype_ids"])
        forgotten.append(np.mean(oracle(llama).log_probs(row["stereotype_ids"])))
    expected = -np.mean(retained) + 0.5 * np.mean(forgotten)
    assert trial.loss(config, llama, micro_batch).total.item() == pytest.approx(expected, rel=1e-4)


def test_it_trains_on_the_antistereotype():
    assert GradientDifference().trains_on == ("antistereotype",)
