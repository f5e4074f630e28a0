"""The stereotype's own words, unlikely."""

import math

import pytest
import torch

from tests.conformance import PAIRS, pair_predictions
from trainables.objectives import Unlikelihood


@pytest.mark.parametrize(
    ("p", "penalty"),
    [
        (0.5, math.log(2)),
        (0.75, math.log(4)),
        (1e-6, 1e-6),
        (1.0, -math.log(1e-5)),
        (1 - 1e-7, -math.log(1e-5)),
    ],
)
def test_a_penalty_worked_out_by_hand(p, penalty):
    value = Unlikelihood().penalty(torch.tensor([p], dtype=torch.double).log()).item()
    assert value == pytest.approx(penalty, rel=1e-4)


def test_a_certain_token_has_no_gradient_and_others_have_a_finite_one():
    log_p = torch.tensor([0.0, -1e-3, -1.0, -50.0], requires_grad=True)
    Unlikelihood().penalty(log_p).sum().backward()
    assert log_p.grad[0] == 0
    assert log_p.grad.isfinite().all()
    assert (log_p.grad[1:] >= 0).all()
    # d/d log p of −log(1 − p) = p / (1 − p)
    p = math.exp(-1)
    assert log_p.grad[2].item() == pytest.approx(p / (1 - p), rel=1e-4)


def test_the_loss_is_the_sum_over_differing_tokens_by_a_slow_loop(moved, scores):
    model, _ = moved
    objective = Unlikelihood(weight=2.0)
    penalties = [
        sum(-math.log(max(1 - math.exp(value), 1e-5)) for value in more)
        for more, _ in scores(model, model.module, differing_alone=True)
    ]
    loss = objective.pair_loss(model, pair_predictions(model, objective)).item()
    assert loss == pytest.approx(2.0 * sum(penalties) / len(PAIRS), rel=1e-3)


def test_it_trains_on_the_antistereotype():
    assert Unlikelihood().trains_on == ("antistereotype",)
