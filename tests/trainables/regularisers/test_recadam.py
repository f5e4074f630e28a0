"""The pull to the base that fades."""

import math

import numpy as np
import pytest
import torch

from trainables.models.loading import load
from trainables.models.miniature import MODELS
from trainables.regularisers import RecAdam
from trainables.training.engine import Engine
from trainables.training.loss import loss
from trainables.training.stream import Stream
from trainables.trial import run_trial


def test_factors_and_strengths_worked_out_by_hand():
    recadam = RecAdam(rate=0.1, midpoint=250, strength=5000.0)
    assert recadam.pull_to_base(250)[:2] == (0.5, 2500.0)
    factor, strength, _ = recadam.pull_to_base(260)
    assert factor == pytest.approx(1 / (1 + math.exp(-1)))
    assert strength == pytest.approx(5000 * (1 - factor))
    assert recadam.pull_to_base(1).factor == pytest.approx(math.exp(-24.9), rel=1e-4)
    assert recadam.pull_to_base(1).factor == pytest.approx(1.5349e-11, rel=1e-4)


def test_epsilon_is_1e_6_beside_the_uncorrected_moment():
    """lr √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + 1e-6), as the authors write it, in AdamW's terms."""
    m, v = 3e-7, 4e-13
    for t in (1, 2, 100, 10_000):
        theirs = math.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (math.sqrt(v) + 1e-6)
        epsilon = RecAdam().pull_to_base(t).epsilon
        ours = m / (1 - 0.9**t) / (math.sqrt(v / (1 - 0.999**t)) + epsilon)
        assert ours == pytest.approx(theirs)


def test_the_factor_grows_from_0_to_1():
    factors = [RecAdam(rate=0.5, midpoint=20).pull_to_base(step).factor for step in range(1, 60)]
    assert factors == sorted(factors)
    assert factors[0] < 1e-4
    assert factors[-1] > 1 - 1e-8


@pytest.mark.parametrize(("stage", "dtype"), [(0, "fp32"), (0, "bf16"), (1, "fp32"), (2, "fp32")])
def test_steps_are_those_of_the_authors_optimiser(stage, dtype, configure, llama):
    """In numpy, in its order: Adam with its ε times λ(t), the pull, weight decay; t begins at 1."""
    llama.reset(dtype)
    train = {"steps": 3, "lr": 1e-2, "clip": 0.0, "zero_stage": stage, "dtype": dtype}
    rate, midpoint, gamma, decay, lr = 1.0, 2, 20.0, 0.5, 1e-2
    config = configure(
        train=train | {"schedule": "constant", "weight_decay": decay},
        regulariser={"name": "recadam", "rate": rate, "midpoint": midpoint, "strength": gamma},
    )
    stream = Stream(config, llama)
    name = "model.norm.weight"
    weight = dict(llama.module.named_parameters())[name]
    start = dict(llama.base.named_parameters())[name].double().cpu().numpy()
    theta, m, v = start.copy(), np.zeros_like(start), np.zeros_like(start)
    if dtype == "bf16":
        theta = weight.detach().double().cpu().numpy()
    with Engine(llama, config.train, config.regulariser.pull_to_base) as engine:
        for t in (1, 2, 3):
            (micro_batch,) = stream.micro_batches(t - 1)
            step_loss = loss(config, llama, micro_batch).total
            (gradient,) = torch.autograd.grad(step_loss, weight, retain_graph=True)
            gradient = gradient.double().cpu().numpy()
            engine.backward(step_loss)
            m = 0.9 * m + 0.1 * gradient
            v = 0.999 * v + 0.001 * gradient**2
            step_size = lr * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
            annealed = 1 / (1 + np.exp(-rate * (t - midpoint)))
            theta = theta - step_size * annealed * m / (np.sqrt(v) + 1e-6)
            theta = theta - lr * (1 - annealed) * gamma * (theta - start)
            theta = theta - lr * decay * theta
            tolerance = {"fp32": 1e-5, "bf16": 5e-3}[dtype]
            assert weight.detach().double().cpu().numpy() == pytest.approx(theta, abs=tolerance)
    assert np.abs(theta - start).max() > 1e-3


def test_a_pull_of_one_step_is_at_most_all_the_way_back(configure):
    config = configure(
        regulariser={"name": "recadam", "rate": 1.0, "midpoint": 1000, "strength": 1e9}
    )
    *_, end = run_trial(config)
    model = load(config.model.path, config.model.family)
    for now, start in zip(model.module.parameters(), model.base.parameters(), strict=True):
        assert torch.equal(now, start)
    assert end.metrics["forgetting/general/nll_rise"] == 0


def test_a_step_is_whole_after_the_midpoint_half_there_and_none_before_it(configure, name):
    def trained(regulariser):
        config = configure(name, train={"steps": 3}, regulariser=regulariser)
        list(run_trial(config))
        return [
            w.detach().clone()
            for w in load(config.model.path, config.model.family).module.parameters()
        ]

    late = trained({"name": "recadam", "rate": 1e6, "midpoint": 0, "strength": 0.0})
    half = trained({"name": "recadam", "rate": 1e6, "midpoint": 1, "strength": 0.0})
    early = trained({"name": "recadam", "rate": 1e6, "midpoint": 9, "strength": 0.0})
    base = list(load(name, MODELS[name]).base.parameters())

    def distance(weights, others):
        return (
            sum((a - b).square().sum() for a, b in zip(weights, others, strict=True)).sqrt().item()
        )

    whole = distance(late, base)
    assert whole > 0.1
    # Only the very first step, at its midpoint, is half a step.
    assert 0.05 * whole < distance(half, late) < 0.5 * whole
    assert distance(early, base) < 1e-6 * whole


@pytest.mark.parametrize("midpoint", [30, 60, 10**6])
def test_weight_decay_keeps_the_whole_learning_rate(midpoint, configure, llama):
    """Decoupled decay is by lr · λ_wd, not by λ(t) of it."""
    config = configure(
        train={"steps": 1, "lr": 1e-2, "weight_decay": 0.5, "schedule": "constant"},
        regulariser={"name": "recadam", "rate": 1.0, "midpoint": midpoint, "strength": 0.0},
    )
    before = llama.module.model.norm.weight.detach().clone()
    stream = Stream(config, llama)
    with Engine(llama, config.train, config.regulariser.pull_to_base) as engine:
        (micro_batch,) = stream.micro_batches(0)
        engine.backward(loss(config, llama, micro_batch).total)
    expected = before * (1 - 1e-2 * 0.5)
    assert torch.allclose(llama.module.model.norm.weight, expected, atol=1e-6)


def test_a_huge_rate_does_not_overflow():
    assert RecAdam(rate=1e9, midpoint=1000).pull_to_base(1).factor == 0.0
