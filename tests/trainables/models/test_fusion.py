"""Weights on the line through the base and the trained model."""

import math

import pytest
import torch

from tests.conformance import perturb, state, text_predictions, unchanged
from trainables.models.fusion import fused_weights
from trainables.models.loading import load
from trainables.parameters import Freeze, Lora
from trainables.trial import run_trial

EVERY_METRIC = {"fusion": {"also": [0.0, 0.5, 1.0]}, "objective": {"name": "cda"}}


def saved_at_the_end(config, folder):
    """Run a trial, save its model into a folder at the end, and return the last report."""
    for report in run_trial(config):
        if report.progress == 1:
            report.save_model(folder)
    return report


def likelihood(model):
    return text_predictions(model).token_log_prob_N


@pytest.mark.parametrize("alpha", [-1.0, 0.0, 0.25, 1.0, 2.0])
def test_weights_are_on_the_line_from_the_base_as_worked_out(alpha, model):
    perturb(model, 0.1)
    trained = [weight.detach().clone() for weight in model.module.parameters()]
    with fused_weights(model, alpha):
        for now, moved, start in zip(
            model.module.parameters(), trained, model.base.parameters(), strict=True
        ):
            assert torch.allclose(now, start + alpha * (moved - start), atol=1e-6)


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
@pytest.mark.parametrize("alpha", [-0.7, 0.0, 0.3])
def test_afterwards_the_model_is_where_it_was_bit_for_bit(alpha, dtype, model):
    model.reset(dtype)
    perturb(model, 0.1)
    before = state(model.module)
    with fused_weights(model, alpha):
        assert not unchanged(model.module, before)
    assert unchanged(model.module, before)
    with pytest.raises(ZeroDivisionError), fused_weights(model, alpha):
        raise ZeroDivisionError
    assert unchanged(model.module, before)


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_no_share_is_the_base_exactly(dtype, model):
    model.reset(dtype)
    expected = likelihood(model)
    perturb(model, 0.1)
    with fused_weights(model, 0.0):
        assert torch.equal(likelihood(model), expected)


def test_frozen_weights_stay_as_they_are(llama):
    with Freeze(embeddings=True).training(llama, seed=0):
        head = llama.module.lm_head.weight.detach().clone()
        with torch.no_grad():
            for _, weight, _ in llama.trained():
                weight.add_(0.1)
        with fused_weights(llama, 0.5):
            assert torch.equal(llama.module.lm_head.weight, head)
            norm = llama.module.model.norm.weight - llama.base.model.norm.weight
            assert torch.allclose(norm, torch.full_like(norm, 0.05), atol=1e-6)


@pytest.mark.parametrize("alpha", [0.5, 1.0, -1.0])
def test_an_adapter_is_a_part_of_its_weight(alpha, model):
    """W₀ + alpha · (alpha / rank) · B·A, by hand."""
    with Lora(rank=2, alpha=6.0).training(model, seed=0):
        perturb(model, 0.05)  # the frozen weights move as well, and count for nothing
        layers = {n: m for n, m in model.module.named_modules() if hasattr(m, "lora_A")}
        assert layers
        with fused_weights(model, alpha):
            for name, layer in layers.items():
                start = dict(model.base.named_parameters())[f"{name}.weight"]
                product = layer.lora_B["default"].weight @ layer.lora_A["default"].weight
                expected = start + alpha * 3.0 * product
                assert torch.allclose(layer.base_layer.weight, expected, atol=1e-5), name


def test_fused_metrics_at_the_ends_are_those_of_the_base_and_of_the_trained_model(configure, name):
    base, end = run_trial(configure(name, **EVERY_METRIC))
    plain = [metric for metric in end.metrics if not metric.startswith("fusion/")]
    measured = [metric for metric in plain if f"fusion/0/{metric}" in end.metrics]
    assert len(measured) > 20
    for metric in measured:
        assert end.metrics[f"fusion/0/{metric}"] == base.metrics[metric], metric
        assert end.metrics[f"fusion/1/{metric}"] == end.metrics[metric], metric
        assert base.metrics[f"fusion/0.5/{metric}"] == base.metrics[metric], metric
    nll = "forgetting/general/nll_rise"
    assert end.metrics[f"fusion/0.5/{nll}"] not in (0, end.metrics[nll])
    assert set(measured) == set(plain), "a trial without replay has no other metrics"


def test_a_trial_is_its_own_alpha_measured_and_saved(configure, name, tmp_path):
    half = configure(name, objective="cda", fusion={"alpha": 0.5, "also": [1.0]})
    whole = configure(name, objective="cda", fusion={"also": [0.5]})
    end = saved_at_the_end(half, tmp_path)
    *_, other = run_trial(whole)
    for metric, value in other.metrics.items():
        if not metric.startswith("fusion/"):
            assert end.metrics[f"fusion/1/{metric}"] == value
            assert end.metrics[metric] == other.metrics[f"fusion/0.5/{metric}"]
    model = load(whole.model.path, whole.model.family)
    trained = dict(model.module.named_parameters())
    saved = load(str(tmp_path), half.model.family)
    start = dict(model.base.named_parameters())
    for key, now in saved.module.named_parameters():
        assert torch.allclose(now, (trained[key] + start[key]) / 2, atol=1e-6), key


def test_a_task_vector_is_fused_on_its_own_side_of_the_base(configure, name):
    changes = {"objective": {"name": "task_vector", "scale": 0.8}, "fusion": {"also": [0.5]}}
    _, end = run_trial(configure(name, **changes))
    halved = {"objective": {"name": "task_vector", "scale": 0.4}}
    _, other = run_trial(configure(name, **halved))
    for metric, value in other.metrics.items():
        assert math.isclose(end.metrics[f"fusion/0.5/{metric}"], value, abs_tol=1e-6), metric


def test_an_adapter_saved_is_a_plain_model_that_measures_the_same(configure, name, tmp_path):
    config = configure(name, objective="cda", parameters={"name": "lora", "rank": 4})
    end = saved_at_the_end(config, tmp_path)
    again = configure(model=config.model.model_copy(update={"path": str(tmp_path)}).model_dump())
    first = next(run_trial(again))
    for metric in (
        "bias/miniature/ss",
        "forgetting/general/nll",
        "forgetting/miniature/stereotype_nll",
    ):
        assert first.metrics[metric] == pytest.approx(end.metrics[metric], abs=1e-5)
