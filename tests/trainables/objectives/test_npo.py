"""Negative preference optimisation."""

import math

import numpy as np
import pytest
import torch

from tests.conformance import pair_predictions
from trainables.objectives import Dpo, GradientAscent, Npo


@pytest.mark.parametrize(
    ("beta", "gain", "penalty"),
    [
        (0.1, 0.0, 20 * math.log(2)),
        (0.5, -2.0, 4 * math.log(1 + math.exp(-1))),
        (0.5, 2.0, 4 * math.log(1 + math.exp(1))),
    ],
)
def test_a_penalty_worked_out_by_hand(beta, gain, penalty):
    assert Npo(beta=beta).penalty(torch.tensor([gain])).item() == pytest.approx(penalty, rel=1e-5)


@pytest.mark.parametrize("per", ["sentence", "token"])
def test_the_loss_is_the_formula_over_slow_likelihoods(per, moved, scores):
    model, base = moved
    objective = Npo(beta=0.3, per=per, weight=2.0)
    fold = np.sum if per == "sentence" else np.mean
    pairs = zip(scores(model, model.module), scores(model, base), strict=True)
    gains = np.array([fold(now) - fold(before) for (now, _), (before, _) in pairs])
    expected = 2.0 * (2 / 0.3 * np.log1p(np.exp(0.3 * gains))).mean()
    loss = objective.pair_loss(model, pair_predictions(model, objective)).item()
    assert loss == pytest.approx(expected, rel=1e-3)


def test_it_is_dpo_with_the_rejected_side_alone():
    """−(2/β) log σ(−β g) is 2/β of DPO's penalty where the preferred side has not moved."""
    gains = torch.linspace(-5, 5, 11)
    assert torch.allclose(Npo(beta=0.3).penalty(gains), 2 / 0.3 * Dpo(beta=0.3).penalty(-gains))


def test_a_small_beta_gives_the_gradient_of_gradient_ascent(llama):
    """Zhang et al. 2024, proposition 1: NPO − (2/β) log 2 → ℓ(x⁻) as β → 0."""
    weight = llama.module.model.norm.weight
    npo, ascent = Npo(beta=1e-4), GradientAscent(until=1e9)
    gradient, expected = (
        torch.autograd.grad(o.pair_loss(llama, pair_predictions(llama, o)), weight)[0]
        for o in (npo, ascent)
    )
    cosine = torch.nn.functional.cosine_similarity(gradient, expected, dim=0)
    assert cosine.item() > 0.98, "NPO has sums over a sentence, gradient ascent means"
    per_token = Npo(beta=1e-4, per="token")
    (gradient,) = torch.autograd.grad(
        per_token.pair_loss(llama, pair_predictions(llama, per_token)), weight
    )
    assert torch.allclose(gradient, expected, rtol=1e-3, atol=1e-5)


def test_it_trains_on_no_text():
    assert Npo().trains_on == ()
