"""Climbing the loss of stereotypes."""

import numpy as np
import pytest
import torch

from tests.conformance import clear_gradients, gradient_step, pair_predictions
from trainables.objectives import GradientAscent


def loss_of(model, **settings):
    objective = GradientAscent(**settings)
    return objective.pair_loss(model, pair_predictions(model, objective))


def test_the_loss_is_the_likelihood_of_stereotypes_by_a_slow_loop(moved, scores):
    model, _ = moved
    expected = np.mean([np.mean(more) for more, _ in scores(model, model.module)])
    assert loss_of(model, weight=2.0).item() == pytest.approx(2 * expected, rel=1e-4)


def test_a_stereotype_beyond_the_guard_has_no_gradient(model, scores):
    nll = np.array([-np.mean(more) for more, _ in scores(model, model.module)])
    until = float(np.median(nll))
    loss = loss_of(model, until=until)
    assert loss.item() == pytest.approx(-np.minimum(nll, until).mean(), rel=1e-4)
    guarded = loss_of(model, until=float(nll.min()) / 2)
    assert guarded.item() == pytest.approx(-nll.min() / 2)
    guarded.backward()
    assert not any(w.grad is not None and w.grad.any() for w in model.module.parameters())
    clear_gradients(model)


def test_steps_make_stereotypes_unlikely_until_the_guard_holds(llama):
    before = -loss_of(llama).item()
    for _ in range(60):
        loss = loss_of(llama, until=before + 1)
        if not any(grad is not None and grad.any() for grad in gradients(llama, loss)):
            break
        gradient_step(llama, loss_of(llama, until=before + 1), length=0.1)
    assert before + 0.8 < -loss_of(llama, until=100.0).item() < before + 3


def gradients(model, loss):
    return torch.autograd.grad(loss, list(model.module.parameters()), allow_unused=True)


def test_it_trains_on_no_text():
    assert GradientAscent().trains_on == ()
