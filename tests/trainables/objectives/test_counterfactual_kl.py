"""Kullback–Leibler divergence between what twins predict."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import rel_entr

from tests.conformance import PAIRS, pair_reading
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
    pairs = pair_reading(model, objective)
    each = objective.divergence(pairs.stereotype.log_prob_NV, pairs.antistereotype.log_prob_NV)
    rows = pairs.stereotype.rows_N.tolist()
    means = []
    for row in range(len(PAIRS)):
        own = [value for value, of in zip(each.tolist(), rows, strict=True) if of == row]
        means.append(sum(own) / len(own))
    expected = 2.0 * sum(means) / len(means)
    assert objective.pair_loss(model, pairs).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_twins_that_are_alike_cost_nothing_and_others_something(direction, model):
    objective = CounterfactualKl(direction=direction)
    alike = pair_reading(model, objective, [(more, more) for more, _ in PAIRS])
    assert objective.pair_loss(model, alike).item() == 0
    assert objective.pair_loss(model, pair_reading(model, objective)).item() > 0


def test_exchanging_the_twins_exchanges_the_directions(llama):
    turned = [(less, more) for more, less in PAIRS]
    one, other = (CounterfactualKl(direction=d) for d in ("stereotype", "antistereotype"))
    found = one.pair_loss(llama, pair_reading(llama, one)).item()
    assert found == pytest.approx(
        other.pair_loss(llama, pair_reading(llama, other, turned)).item(), rel=1e-5
    )


def test_no_text_is_learnt():
    assert CounterfactualKl().trains_on == ()
