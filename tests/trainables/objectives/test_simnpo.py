"""NPO without a reference."""

import math

import numpy as np
import pytest
import torch

from tests.conformance import pair_predictions
from trainables.objectives import SimNpo


@pytest.mark.parametrize(
    ("settings", "nll", "penalty"),
    [
        ({"beta": 2.0}, 0.0, math.log(2)),
        ({"beta": 2.0, "delta": 1.5}, 1.5, math.log(2)),
        ({"beta": 0.5, "delta": 1.0}, 3.0, 4 * math.log(1 + math.exp(-1))),
    ],
)
def test_a_penalty_worked_out_by_hand(settings, nll, penalty):
    value = SimNpo.model_validate(settings).penalty(torch.tensor([nll])).item()
    assert value == pytest.approx(penalty, rel=1e-5)


def test_the_loss_is_the_formula_over_slow_likelihoods(moved, scores):
    model, _ = moved
    objective = SimNpo(beta=1.5, delta=0.5, weight=2.0)
    nll = np.array([-np.mean(more) for more, _ in scores(model, model.module)])
    expected = 2.0 * (2 / 1.5 * np.log1p(np.exp(-1.5 * (nll - 0.5)))).mean()
    loss = objective.pair_loss(model, pair_predictions(model, objective)).item()
    assert loss == pytest.approx(expected, rel=1e-3)


def test_the_loss_does_not_compare_with_the_base(llama):
    """At the base it is not (2 / β) log 2, as that of NPO is."""
    objective = SimNpo(delta=50.0, beta=1.0)
    loss = objective.pair_loss(llama, pair_predictions(llama, objective)).item()
    assert loss > 90


def test_it_trains_on_no_text():
    assert SimNpo().trains_on == ()
