"""Preference optimisation against the base."""

import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from tests.conformance import PAIRS, pair_predictions
from trainables.objectives import Dpo


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize(
    ("settings", "gain", "penalty"),
    [
        ({"beta": 0.1}, 0.0, math.log(2)),
        ({"beta": 0.5}, 2.0, -math.log(1 / (1 + math.exp(-1)))),
        ({"beta": 0.5}, -2.0, -math.log(1 / (1 + math.exp(1)))),
        # −0.9 log σ(1) − 0.1 log σ(−1) = log(1 + e^{-1}) + 0.1
        ({"beta": 0.5, "label_smoothing": 0.1}, 2.0, math.log(1 + math.exp(-1)) + 0.1),
        ({"beta": 0.1, "form": "ipo"}, 0.0, 25.0),
        ({"beta": 0.1, "form": "ipo"}, 5.0, 0.0),
        ({"beta": 0.1, "form": "ipo"}, 8.0, 9.0),
    ],
)
def test_a_penalty_worked_out_by_hand(settings, gain, penalty):
    value = Dpo.model_validate(settings).penalty(torch.tensor([gain])).item()
    assert value == pytest.approx(penalty, rel=1e-5)


@pytest.mark.parametrize("per", ["sentence", "token"])
@pytest.mark.parametrize("form", ["sigmoid", "ipo"])
def test_the_loss_is_the_formula_over_slow_likelihoods(form, per, moved, scores):
    model, base = moved
    objective = Dpo(form=form, per=per, beta=0.3, weight=2.0)
    fold = np.sum if per == "sentence" else np.mean
    now, before = scores(model, model.module), scores(model, base)
    gains = np.array(
        [
            (fold(less) - fold(less_0)) - (fold(more) - fold(more_0))
            for (more, less), (more_0, less_0) in zip(now, before, strict=True)
        ]
    )
    penalties = -np.log(sigmoid(0.3 * gains)) if form == "sigmoid" else (gains - 1 / 0.6) ** 2
    loss = objective.pair_loss(model, pair_predictions(model, objective)).item()
    assert loss == pytest.approx(2.0 * penalties.mean(), rel=1e-3)


def test_at_the_base_the_loss_is_log_2(model):
    objective = Dpo(beta=0.7)
    loss = objective.pair_loss(model, pair_predictions(model, objective))
    assert loss.item() == pytest.approx(math.log(2), rel=1e-5)


def test_a_smoothed_preference_has_its_minimum_where_its_odds_are_the_noise():
    """d/dΔ = 0 where σ(β Δ) = 1 − ε."""
    objective = Dpo(beta=0.5, label_smoothing=0.1)
    gain = torch.tensor([2 * math.log(9)], requires_grad=True)
    objective.penalty(gain).sum().backward()
    assert gain.grad.item() == pytest.approx(0, abs=1e-6)


def test_the_gradient_at_the_base_is_half_beta_of_the_gaps(llama):
    """∇ −log σ(βΔ) at Δ = 0 is −β/2 ∇Δ: the reference adds nothing to a gradient."""
    objective = Dpo(beta=0.4)
    pairs = pair_predictions(llama, objective, PAIRS[:2])
    weight = llama.module.model.norm.weight
    (gradient,) = torch.autograd.grad(objective.pair_loss(llama, pairs), weight, retain_graph=True)
    gap = pairs.antistereotype.log_likelihood("sentence") - pairs.stereotype.log_likelihood(
        "sentence"
    )
    (of_gap,) = torch.autograd.grad(gap.mean(), weight)
    assert torch.allclose(gradient, -0.2 * of_gap, atol=1e-5)


def test_label_smoothing_is_refused_for_ipo():
    with pytest.raises(ValidationError, match=r"must be 0 for form ipo, but got 0\.1"):
        Dpo(form="ipo", label_smoothing=0.1)


def test_it_trains_on_no_text():
    assert Dpo().trains_on == ()
