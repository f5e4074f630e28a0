"""Fine-tuning a copy with a new head."""

import pytest
import torch

from tests.conformance import state, unchanged
from trainables.evaluators import FineTune
from trainables.metrics import estimate

ACCURACY = "task/miniature/finetune_accuracy"
SETTINGS = {"data": "miniature", "train": 200, "test": 100, "lr": 3e-3}


def measure(model, **more):
    return estimate.values(FineTune(**(SETTINGS | more)).measure(model, {}))[ACCURACY]


def test_it_learns_the_labels_of_the_miniature(model):
    assert measure(model, steps=80) > 0.9


def test_after_nearly_no_training_it_guesses(model):
    assert abs(measure(model, steps=1, lr=1e-9) - 0.5) < 0.2


def test_the_seed_draws_the_head_and_the_order(llama):
    assert measure(llama, steps=3) == measure(llama, steps=3)
    assert len({measure(llama, steps=2, seed=seed) for seed in range(4)}) > 1


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_the_model_and_the_random_state_of_the_trial_do_not_change(dtype, model):
    model.reset(dtype)
    before, random_state = state(model.module), torch.random.get_rng_state()
    requires_grad = [weight.requires_grad for weight in model.module.parameters()]
    measure(model, steps=2)
    assert unchanged(model.module, before)
    assert torch.equal(torch.random.get_rng_state(), random_state)
    assert [weight.requires_grad for weight in model.module.parameters()] == requires_grad
    assert all(weight.grad is None for weight in model.module.parameters())
