"""Jensen–Shannon divergence between what twins predict."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.special import rel_entr

from tests.conformance import PAIRS, pair_predictions, perturb
from trainables.objectives import CounterfactualJs

DISTRIBUTION = st.lists(st.floats(0.01, 1), min_size=3, max_size=3).map(
    lambda parts: [part / sum(parts) for part in parts]
)


def divergence(form, p, q):
    p, q = (torch.tensor([values], dtype=torch.double).log() for values in (p, q))
    return CounterfactualJs(form=form).divergence(p, q).item()


def test_divergences_worked_out_by_hand():
    # M = (1/2, 1/2): KL(P‖M) = KL(Q‖M) = ¾ ln 3/2 + ¼ ln 1/2; KL(M‖P) = ½ ln 2/3 + ½ ln 2.
    textbook = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert divergence("textbook", [0.75, 0.25], [0.25, 0.75]) == pytest.approx(textbook)
    exchanged = 0.5 * math.log(2 / 3) + 0.5 * math.log(2)
    assert divergence("auto_debias", [0.75, 0.25], [0.25, 0.75]) == pytest.approx(exchanged)


@given(DISTRIBUTION, DISTRIBUTION)
def test_the_textbook_form_is_scipys_and_at_most_log_2(p, q):
    js = divergence("textbook", p, q)
    assert js == pytest.approx(jensenshannon(p, q) ** 2, abs=1e-7)
    assert -1e-12 <= js <= math.log(2)
    assert js == pytest.approx(divergence("textbook", q, p))


@given(DISTRIBUTION, DISTRIBUTION)
def test_the_other_form_has_the_arguments_of_each_term_exchanged(p, q):
    m = [(a + b) / 2 for a, b in zip(p, q, strict=True)]
    expected = (sum(rel_entr(m, p)) + sum(rel_entr(m, q))) / 2
    assert divergence("auto_debias", p, q) == pytest.approx(expected, abs=1e-12)


def test_it_is_torchs_kl_div_as_auto_debias_calls_it(model):
    perturb(model, 0.1)
    objective = CounterfactualJs(form="auto_debias")
    pair = pair_predictions(model, objective, PAIRS[:1])
    p, q = (side.log_prob_NV.double().exp() for side in (pair.stereotype, pair.antistereotype))
    mean = (p + q) / 2
    kl_div = torch.nn.functional.kl_div
    terms = [kl_div(side.log(), mean, reduction="none").sum(-1).mean() for side in (p, q)]
    loss = objective.pair_loss(model, pair)
    assert loss.item() == pytest.approx(sum(terms).item() / 2, rel=1e-3)


def test_equal_twins_have_no_loss_and_others_have_some(model):
    objective = CounterfactualJs()
    equal = pair_predictions(model, objective, [(more, more) for more, _ in PAIRS])
    assert objective.pair_loss(model, equal).item() == 0
    assert objective.pair_loss(model, pair_predictions(model, objective)).item() > 0


def test_it_trains_on_no_text():
    assert CounterfactualJs().trains_on == ()
