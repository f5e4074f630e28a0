"""Kullback–Leibler divergence between what twins predict."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import rel_entr

from tests.conformance import PAIRS, pair_predictions
from trainables.objectives import CounterfactualKl

DIRECTIONS = ("symmetric", "stereotype", "antistereotype")
DISTRIBUTION = st.lists(st.floats(0.01, 1), min_size=3, max_size=3).map(
    lambda parts: [part / sum(parts) for part in parts]
)


def divergence(direction, p, q):
    p, q = (torch.tensor([values], dtype=torch.double).log() for values in (p, q))
    return CounterfactualKl(direction=direction).divergence(p, q).item()


def test_divergences_worked_out_by_hand():
    p, q = [0.5, 0.5], [0.25, 0.75]
    forward = 0.5 * math.log(2) + 0.5 * math.log(2 / 3)
    backward = 0.25 * math.log(0.5) + 0.75 * math.log(1.5)
    assert divergence("stereotype", p, q) == pytest.approx(forward)
    assert divergence("antistereotype", p, q) == pytest.approx(backward)
    assert divergence("symmetric", p, q) == pytest.approx(forward + backward)


@given(DISTRIBUTION, DISTRIBUTION)
def test_the_divergence_is_scipys_and_never_negative(p, q):
    forward, backward = sum(rel_entr(p, q)), sum(rel_entr(q, p))
    assert divergence("stereotype", p, q) == pytest.approx(forward, abs=1e-12)
    assert divergence("antistereotype", p, q) == pytest.approx(backward, abs=1e-12)
    assert divergence("symmetric", p, q) == pytest.approx(forward + backward, abs=1e-12)
    assert forward >= -1e-12


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_loss_is_the_mean_over_pairs_of_the_mean_over_shared_tokens(direction, model):
    objective = CounterfactualKl(direction=direction, weight=2.0)
    pairs = pair_predictions(model, objective)
    kl_N = objective.divergence(pairs.stereotype.log_prob_NV, pairs.antistereotype.log_prob_NV)
    rows = pairs.stereotype.rows_N.tolist()
    means = []
    for row in range(len(PAIRS)):
        values = [kl for kl, kl_row in zip(kl_N.tolist(), rows, strict=True) if kl_row == row]
        means.append(sum(values) / len(values))
    expected = 2.0 * sum(means) / len(means)
    assert objective.pair_loss(model, pairs).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_equal_twins_have_no_loss_and_others_have_some(direction, model):
    objective = CounterfactualKl(direction=direction)
    equal = pair_predictions(model, objective, [(more, more) for more, _ in PAIRS])
    assert objective.pair_loss(model, equal).item() == 0
    assert objective.pair_loss(model, pair_predictions(model, objective)).item() > 0


def test_exchanging_the_twins_exchanges_the_directions(llama):
    turned = [(less, more) for more, less in PAIRS]
    forward, backward = (CounterfactualKl(direction=d) for d in ("stereotype", "antistereotype"))
    loss = forward.pair_loss(llama, pair_predictions(llama, forward)).item()
    exchanged = backward.pair_loss(llama, pair_predictions(llama, backward, turned)).item()
    assert loss == pytest.approx(exchanged, rel=1e-5)


def test_it_trains_on_no_text():
    assert CounterfactualKl().trains_on == ()
