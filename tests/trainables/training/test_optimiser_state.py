"""Weights and moments, read and written through all ZeRO stages and precisions."""

import copy
import itertools

import pytest
import torch

from trainables.config import TrainConfig
from trainables.training.engine import Engine
from trainables.training.optimiser_state import KINDS, MOMENTS

STAGES, DTYPES = (0, 1, 2), ("fp32", "bf16")
NAME = "model.norm.weight"


def engine_of(model, stage, dtype):
    """Return an engine without clipping, around a model that is reset to its base."""
    model.reset(dtype)
    settings = {"lr": 1e-2, "steps": 10, "schedule": "constant", "clip": 0.0}
    return Engine(model, TrainConfig(zero_stage=stage, dtype=dtype, **settings))


def step(engine):
    """Make one step down the sum of the weights' squares, whose gradient at w is 2w."""
    weights = engine.state.weights.values()
    engine.backward(sum(weight.float().square().sum() for weight in weights))


def equal(first, second):
    return all(
        torch.equal(first[name][kind], second[name][kind]) for name in first for kind in KINDS
    )


@pytest.mark.parametrize("stage", STAGES)
def test_the_moments_of_the_first_step_worked_out_by_hand(stage, llama):
    """0.1 g and 0.001 g², and the weight moves by lr against the sign of g."""
    with engine_of(llama, stage, "fp32") as engine:
        before = llama.module.model.norm.weight.detach().cpu().clone()
        step(engine)
        state = engine.state.read()[NAME]
        gradient = 2 * before
        assert torch.allclose(state["exp_avg"], 0.1 * gradient)
        assert torch.allclose(state["exp_avg_sq"], 0.001 * gradient.square())
        assert torch.allclose(state["master"], before - 0.01 * gradient.sign(), atol=1e-6)


@pytest.mark.parametrize(("stage", "dtype"), list(itertools.product(STAGES, DTYPES)))
def test_before_the_first_step_the_moments_are_zero_and_the_masters_the_weights(
    stage, dtype, llama
):
    with engine_of(llama, stage, dtype) as engine:
        state = engine.state.read()
        assert state.keys() == dict(llama.module.named_parameters()).keys()
        for name, weight in llama.module.named_parameters():
            assert torch.equal(state[name]["master"], weight.float().cpu())
            assert not any(state[name][kind].any() for kind in MOMENTS)


@pytest.mark.parametrize("stage", STAGES)
def test_in_bf16_masters_and_moments_are_fp32_and_weights_are_rounded_masters(stage, llama):
    with engine_of(llama, stage, "bf16") as engine:
        step(engine)
        state = engine.state.read()
        for name, weight in llama.module.named_parameters():
            assert {value.dtype for value in state[name].values()} == {torch.float32}
            assert torch.equal(state[name]["master"].bfloat16(), weight.cpu())
        assert any(
            not torch.equal(kinds["master"], kinds["master"].bfloat16().float())
            for kinds in state.values()
        )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("first", "second"), list(itertools.product(STAGES, STAGES)))
def test_a_state_read_at_one_stage_and_written_at_another_is_equal_and_trains_on_alike(
    first, second, dtype, llama
):
    with engine_of(llama, first, dtype) as engine:
        step(engine)
        step(engine)
        state = copy.deepcopy(engine.state.read())
        step(engine)
        expected = copy.deepcopy(engine.state.read())
    with engine_of(llama, second, dtype) as engine:
        engine.resume(2, state)
        assert engine.steps == 2
        assert equal(engine.state.read(), state)
        for name, weight in llama.module.named_parameters():
            assert torch.equal(weight.cpu(), state[name]["master"].to(weight.dtype))
        step(engine)
        actual = engine.state.read()
    for name, kinds in expected.items():
        for kind, value in kinds.items():
            assert torch.allclose(actual[name][kind], value, atol=1e-6), (name, kind)


@pytest.mark.parametrize(("stage", "dtype"), list(itertools.product(STAGES, DTYPES)))
def test_a_master_is_set_with_its_weight_and_without_its_moments(stage, dtype, llama):
    with engine_of(llama, stage, dtype) as engine:
        step(engine)
        before = copy.deepcopy(engine.state.read())
        weight = engine.state.weights[NAME]
        value = torch.full_like(weight, 1 / 3, dtype=torch.float32)
        engine.state.write_master(weight, value)
        after = engine.state.read()
        assert torch.equal(engine.state.read_master(weight), value)
        assert torch.equal(weight.float(), value.to(weight.dtype).float())
        assert all(torch.equal(after[NAME][kind], before[NAME][kind]) for kind in MOMENTS)
        del before[NAME]
        assert equal(before, after)
