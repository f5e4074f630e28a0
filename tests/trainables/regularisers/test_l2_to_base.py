"""The quadratic penalty on the distance from the base."""

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from tests.conformance import perturb
from trainables.parameters import Freeze
from trainables.regularisers import L2ToBase


def loss_of(model, weight):
    return L2ToBase(weight=weight).weight_loss(model)


def test_a_distance_worked_out_by_hand(model):
    num_weights = sum(weight.numel() for weight in model.module.parameters())
    with torch.no_grad():
        for weight in model.module.parameters():
            weight.add_(0.5)
    # (weight / 2) · N · 0.5²
    assert loss_of(model, 3.0).item() == pytest.approx(0.375 * num_weights, rel=1e-5)


def test_the_distance_is_that_of_numpy_from_the_file_of_the_base(model):
    perturb(model, 0.1)
    base = load_file(model.path / "model.safetensors")
    now = {name: w.detach().cpu().numpy() for name, w in model.module.named_parameters()}
    expected = 0.35 * sum(np.square(now[name].astype(float) - base[name]).sum() for name in now)
    assert loss_of(model, 0.7).item() == pytest.approx(expected, rel=1e-5)


def test_tied_weights_count_once(llama):
    tied = llama.module.lm_head.weight
    assert tied is llama.module.model.embed_tokens.weight
    with torch.no_grad():
        tied.add_(1.0)
    assert loss_of(llama, 2.0).item() == pytest.approx(tied.numel(), rel=1e-5)


def test_the_gradient_is_the_weight_times_the_distance(model):
    perturb(model, 0.1)
    loss_of(model, 0.7).backward()
    for now, start in zip(model.module.parameters(), model.base.parameters(), strict=True):
        assert torch.allclose(now.grad, 0.7 * (now - start), atol=1e-6)


def test_half_a_step_of_plain_descent_quarters_the_loss(model):
    perturb(model, 0.1)
    before = loss_of(model, 1.0)
    before.backward()
    with torch.no_grad():
        for weight in model.module.parameters():
            weight.sub_(0.5 * weight.grad)  # half of the way back
    assert loss_of(model, 1.0).item() == pytest.approx(before.item() / 4, rel=1e-4)


def test_the_base_has_no_gradient(model):
    loss = loss_of(model, 1.0)
    loss.backward()
    assert loss.item() == 0
    assert not any(weight.grad.any() for weight in model.module.parameters())


def test_in_bf16_rounding_is_no_distance(model):
    model.reset("bf16")
    assert loss_of(model, 2.0).item() == 0
    assert any((w.bfloat16().float() != w).any() for w in model.base.parameters())


def test_only_trained_weights_count(llama):
    perturb(llama, 0.1)
    whole = loss_of(llama, 1.0).item()
    with Freeze(embeddings=True).training(llama, seed=0):
        tied = llama.module.lm_head.weight
        distance = (tied - llama.base.lm_head.weight).square().sum().item()
        assert loss_of(llama, 1.0).item() == pytest.approx(whole - distance / 2, rel=1e-5)
