"""Either gender with its desired share."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import rel_entr

from tests.conformance import PAIRS, REAL_SHARE, pair_predictions
from trainables.objectives import TargetDistribution


def divergence(share, log_odds):
    objective = TargetDistribution()
    return objective.divergence(torch.tensor([share]), torch.tensor([log_odds])).item()


def test_divergences_worked_out_by_hand():
    # q = (3/4, 1/4) at odds of 3 to 1.
    assert divergence(0.5, math.log(3)) == pytest.approx(
        0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25), rel=1e-5
    )
    assert divergence(0.75, math.log(3)) == pytest.approx(0, abs=1e-6)
    assert divergence(1.0, math.log(3)) == pytest.approx(math.log(4 / 3), rel=1e-5)
    assert divergence(0.0, math.log(3)) == pytest.approx(math.log(4), rel=1e-5)


@given(st.floats(0, 1), st.floats(0.01, 0.99))
def test_the_divergence_is_scipys_and_zero_at_the_target(share, q):
    expected = sum(rel_entr([share, 1 - share], [q, 1 - q]))
    assert divergence(share, math.log(q / (1 - q))) == pytest.approx(expected, abs=1e-5)
    assert divergence(q, math.log(q / (1 - q))) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("target", "share"), [("equal", 0.5), ("real_world", REAL_SHARE)])
def test_the_loss_is_the_formula_over_slow_probabilities(target, share, moved, scores):
    model, _ = moved
    objective = TargetDistribution(target=target, weight=2.0)
    divergences = []
    for (more, *_), (less, *_) in scores(model, model.module, differing_alone=True):
        q = math.exp(more) / (math.exp(more) + math.exp(less))
        divergences.append(sum(rel_entr([share, 1 - share], [q, 1 - q])))
    loss = objective.pair_loss(model, pair_predictions(model, objective)).item()
    assert loss == pytest.approx(2.0 * sum(divergences) / len(divergences), rel=1e-3)


def test_a_pair_without_statistics_has_no_loss_where_they_are_the_target(model):
    objective = TargetDistribution(target="real_world")
    pairs = pair_predictions(model, objective)
    known = replace(pairs, real_share_P=torch.tensor([0.7, *[math.nan] * 3], device=model.device))
    alone = pair_predictions(model, objective, PAIRS[:1])
    loss = objective.pair_loss(model, known)
    assert loss.item() == pytest.approx(objective.pair_loss(model, alone).item() / 4, rel=1e-4)
    loss.backward()
    assert all(w.grad is None or w.grad.isfinite().all() for w in model.module.parameters())
    unknown = replace(pairs, real_share_P=torch.full((4,), math.nan, device=model.device))
    assert objective.pair_loss(model, unknown).item() == 0
    equal = TargetDistribution()
    assert equal.pair_loss(model, pairs).item() == equal.pair_loss(model, known).item() > 0


def test_equal_twins_have_no_loss_where_the_target_is_equal(model):
    objective = TargetDistribution()
    equal_twins = pair_predictions(model, objective, [("the cook left", "the cook left")])
    assert objective.pair_loss(model, equal_twins).item() == 0
