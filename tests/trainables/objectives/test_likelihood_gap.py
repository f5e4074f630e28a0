"""The gap between the likelihoods of twins."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.conformance import PAIRS, clear_gradients, pair_predictions
from trainables.objectives import LikelihoodGap

FORMS = ("square", "absolute", "hinge")


@pytest.mark.parametrize(
    ("form", "margin", "gap", "penalty"),
    [
        ("square", 0.0, 3.0, 9.0),
        ("square", 0.0, -3.0, 9.0),
        ("square", 0.0, 0.0, 0.0),
        ("absolute", 0.0, 3.0, 3.0),
        ("absolute", 0.0, -3.0, 3.0),
        ("hinge", 0.0, 3.0, 3.0),
        ("hinge", 0.0, -3.0, 0.0),
        ("hinge", 0.5, 3.0, 3.5),
        ("hinge", 0.5, -0.25, 0.25),
        ("hinge", 0.5, -0.5, 0.0),
    ],
)
def test_a_penalty_worked_out_by_hand(form, margin, gap, penalty):
    objective = LikelihoodGap(form=form, margin=margin)
    assert objective.penalty(torch.tensor([gap])).tolist() == [penalty]


@pytest.mark.parametrize("form", FORMS)
@given(gap=st.floats(-1e3, 1e3), margin=st.floats(0, 10))
def test_a_penalty_is_never_negative(form, gap, margin):
    margin = margin if form == "hinge" else 0.0
    assert LikelihoodGap(form=form, margin=margin).penalty(torch.tensor(gap)) >= 0


@pytest.mark.parametrize("per", ["token", "sentence"])
@pytest.mark.parametrize("form", FORMS)
def test_the_loss_is_the_formula_over_slow_likelihoods(form, per, moved, scores):
    model, _ = moved
    margin = 0.25 if form == "hinge" else 0.0
    objective = LikelihoodGap(form=form, per=per, weight=3.0, margin=margin)
    fold = np.mean if per == "token" else np.sum
    gaps = np.array([fold(more) - fold(less) for more, less in scores(model, model.module)])
    penalties = {"square": gaps**2, "absolute": abs(gaps), "hinge": np.maximum(0, gaps + 0.25)}
    expected = 3.0 * penalties[form].mean()
    loss = objective.pair_loss(model, pair_predictions(model, objective)).item()
    assert loss == pytest.approx(expected, rel=1e-3)


def loss_of(objective, model, pairs=PAIRS):
    return objective.pair_loss(model, pair_predictions(model, objective, pairs))


def mirrored(pairs):
    return [(less, more) for more, less in pairs]


def test_the_mean_per_token_is_the_sum_divided_by_the_tokens(llama):
    per_token, per_sentence = (  # of seven tokens each
        loss_of(LikelihoodGap(form="absolute", per=per), llama, PAIRS[:1]).item()
        for per in ("token", "sentence")
    )
    assert per_sentence == pytest.approx(7 * per_token, rel=1e-4)


def test_swapping_the_twins_mirrors_the_hinge_and_changes_nothing_else(model):
    losses, mirrored_losses = (
        {form: loss_of(LikelihoodGap(form=form), model, pairs).item() for form in FORMS}
        for pairs in (PAIRS[:1], mirrored(PAIRS[:1]))
    )
    assert losses["square"] == pytest.approx(mirrored_losses["square"], rel=1e-5)
    assert losses["absolute"] == pytest.approx(mirrored_losses["absolute"], rel=1e-5)
    # hinge(d) - hinge(-d) = d, and the miniature models prefer the stereotype: d > 0.
    assert losses["hinge"] == pytest.approx(losses["absolute"], rel=1e-5)
    assert mirrored_losses["hinge"] == 0


def test_the_loss_of_equally_likely_twins_is_the_margin(model):
    equal = [(more, more) for more, _ in PAIRS[:2]]
    for form, expected in (("square", 0.0), ("absolute", 0.0), ("hinge", 0.5)):
        objective = LikelihoodGap(form=form, margin=0.5 if form == "hinge" else 0.0)
        loss = loss_of(objective, model, equal)
        assert loss.item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("swapped", [False, True], ids=["stereotype first", "twins swapped"])
@pytest.mark.parametrize("form", ["square", "absolute"])
def test_a_small_step_closes_the_gap_from_either_side(form, swapped, model):
    objective = LikelihoodGap(form=form)
    pairs = mirrored(PAIRS[:1]) if swapped else PAIRS[:1]

    def gap():
        predictions = pair_predictions(model, objective, pairs)
        more, less = (
            side.log_likelihood("token").item()
            for side in (predictions.stereotype, predictions.antistereotype)
        )
        return more - less

    before = gap()
    assert (before < 0) == swapped
    loss_of(objective, model, pairs).backward()
    with torch.no_grad():
        for weight in model.module.parameters():
            if weight.grad is not None:
                weight.sub_(1e-4 * weight.grad)
    assert abs(gap()) < abs(before)


def test_a_hinge_has_no_gradient_once_the_stereotype_is_the_less_likely_one(model):
    pairs = mirrored(PAIRS[:1])
    loss_of(LikelihoodGap(form="hinge"), model, pairs).backward()
    assert all(w.grad is None or not w.grad.any() for w in model.module.parameters())
    loss_of(LikelihoodGap(form="hinge", margin=50.0), model, pairs).backward()
    assert any(w.grad is not None and w.grad.any() for w in model.module.parameters())
    clear_gradients(model)


def test_it_trains_on_texts_as_found_and_compares_sentences():
    assert LikelihoodGap().trains_on == ("original",)
    assert LikelihoodGap().compares == "sentences"


def test_a_margin_is_refused_for_other_forms_than_hinge():
    with pytest.raises(ValidationError, match=r"margin must be 0 for form square, but got 0\.5"):
        LikelihoodGap(margin=0.5)
