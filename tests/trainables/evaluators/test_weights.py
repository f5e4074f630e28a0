"""The distance between weights."""

import pytest
import torch

from tests.conformance import perturb
from trainables.evaluators import Weights
from trainables.metrics import estimate

DISTANCE = "forgetting/weights/distance_rise"


def measure(model):
    return estimate.values(Weights().measure(model, {}))[DISTANCE]


def test_twice_the_weights_have_a_distance_of_1(model):
    with torch.no_grad():
        for weight in model.module.parameters():
            weight.mul_(2)
    assert measure(model) == pytest.approx(1, rel=1e-5)


def test_the_distance_is_that_of_all_weights_as_one_vector(llama):
    perturb(llama, 0.1)
    now, base = (
        torch.cat([w.detach().flatten() for w in module.parameters()])
        for module in (llama.module, llama.base)
    )
    assert measure(llama) == pytest.approx(float((now - base).norm() / base.norm()), rel=1e-5)


def test_it_has_no_standard_error(model):
    assert Weights().measure(model, {})[DISTANCE].se is None


def test_rounding_to_bf16_is_no_distance(model):
    model.reset("bf16")
    assert measure(model) == 0
