"""Weights replaced by those of the base at random."""

import pytest
import torch

from tests.conformance import perturb, text_predictions
from trainables.regularisers import Mixout


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_each_weight_is_one_of_two_values_worked_out_by_hand(p):
    """Not replaced: (θ − p θ₀) / (1 − p). Replaced: θ₀. With θ₀ = 2, θ = 3."""
    torch.manual_seed(0)
    mixed = Mixout(p=p).mixed(torch.full((100, 100), 3.0), torch.full((100, 100), 2.0))
    is_own = mixed != 2.0
    assert mixed[is_own].numpy() == pytest.approx((3 - 2 * p) / (1 - p), rel=1e-5)
    assert is_own.float().mean().item() == pytest.approx(1 - p, abs=0.02)


@pytest.mark.parametrize("form", ["textbook", "authors"])
def test_the_expectation_is_the_weight_itself(form):
    torch.manual_seed(0)
    now, start = torch.randn(5, 10), torch.randn(5, 10)
    draws = torch.stack([Mixout(p=0.5, form=form).mixed(now, start) for _ in range(4000)])
    assert torch.allclose(draws.mean(0), now, atol=0.12)


def test_only_weights_that_are_not_replaced_have_a_gradient():
    torch.manual_seed(0)
    now = torch.full((10, 100), 3.0, requires_grad=True)
    mixed = Mixout(p=0.75).mixed(now, torch.full((10, 100), 2.0))
    mixed.sum().backward()
    assert torch.equal(now.grad, (mixed.detach() != 2.0).float() * 4)


def test_as_the_authors_have_it_a_column_is_replaced_whole():
    """Of a matrix with a row an output, the weights of an input: all of them own, or all the base's."""
    torch.manual_seed(0)
    now, start = torch.randn(7, 40_000), torch.randn(7, 40_000)
    mixed = Mixout(p=0.75, form="authors").mixed(now, start)
    is_own = (mixed != start).all(0)
    assert torch.equal(mixed[:, ~is_own], start[:, ~is_own])
    expected = (now - 0.75 * start) / 0.25
    assert torch.allclose(mixed[:, is_own], expected[:, is_own], atol=1e-4)
    assert is_own.float().mean().item() == pytest.approx(0.25, abs=0.01)


def test_as_the_authors_have_it_the_gradient_is_the_mask_itself():
    torch.manual_seed(0)
    now = torch.full((3, 400), 3.0, requires_grad=True)
    mixed = Mixout(p=0.75, form="authors").mixed(now, torch.full((3, 400), 2.0))
    mixed.sum().backward()
    assert torch.equal(now.grad, (mixed.detach() != 2.0).float())


def test_a_linear_layer_of_gpt2_is_mixed_by_its_inputs_too():
    from transformers.pytorch_utils import Conv1D

    torch.manual_seed(0)
    layer, base = Conv1D(3, 5), Conv1D(3, 5)  # 5 inputs, 3 outputs
    mixout = Mixout(p=0.5, form="authors")
    outputs = mixout.forward(layer, base, torch.eye(5)) - layer.bias  # a row an input
    is_own = ~torch.isclose(outputs, base.weight).all(1)
    assert 0 < is_own.sum() < 5
    own = (layer.weight - 0.5 * base.weight) / 0.5
    assert torch.allclose(outputs[is_own], own[is_own], atol=1e-6)


def test_at_the_base_no_draw_changes_the_predictions(model):
    expected = text_predictions(model).token_log_prob_N
    model.module.train()
    with Mixout(p=0.9).training(model):
        mixed = text_predictions(model).token_log_prob_N
    model.module.eval()
    assert torch.allclose(mixed, expected, atol=1e-5)


def test_every_forward_in_training_draws_anew_and_measuring_draws_nothing(model):
    perturb(model, 0.05)
    plain = text_predictions(model).token_log_prob_N
    with Mixout(p=0.5).training(model):
        assert torch.equal(text_predictions(model).token_log_prob_N, plain)
        model.module.train()
        torch.manual_seed(0)
        first, second = (text_predictions(model).token_log_prob_N for _ in range(2))
        torch.manual_seed(0)
        again = text_predictions(model).token_log_prob_N
    model.module.eval()
    assert not torch.equal(first, second)
    assert torch.equal(first, again)


def test_p_zero_is_plain_training(model):
    perturb(model, 0.05)
    plain = text_predictions(model).token_log_prob_N
    model.module.train()
    with Mixout(p=0.0).training(model):
        assert torch.equal(text_predictions(model).token_log_prob_N, plain)
    model.module.eval()


def test_every_linear_layer_is_mixed(model):
    with Mixout(p=0.5).training(model):
        mixed = {name for name, m in model.module.named_modules() if "forward" in vars(m)}
    linear = {n for n, m in model.module.named_modules() if isinstance(m, torch.nn.Linear)}
    assert mixed == linear
    assert not any("forward" in vars(m) for m in model.module.modules())


@pytest.mark.parametrize("p", [0.9, 0.99, 0.995])
def test_in_bf16_as_many_weights_are_replaced_as_in_fp32(p):
    torch.manual_seed(0)
    now, start = (torch.full((2000, 500), value).bfloat16() for value in (3.0, 2.0))
    own_share = (Mixout(p=p).mixed(now, start) != 2.0).float().mean().item()
    assert own_share == pytest.approx(1 - p, rel=0.03)
