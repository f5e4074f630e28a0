"""Low-rank adapters."""

import math

import peft
import pytest
import torch
from pydantic import ValidationError
from transformers import MambaConfig, MambaForCausalLM

from tests.conformance import gradient_step, state, text_predictions, unchanged
from trainables.config import TrialConfig
from trainables.models.fusion import fused_weights
from trainables.models.language_model import LanguageModel
from trainables.models.loading import load
from trainables.parameters import Lora
from trainables.trial import run_trial


def nll(model):
    return -text_predictions(model).token_log_prob_N.mean()


def adapted(model):
    """Return the modules that have adapters, by their names."""
    return {n: m for n, m in model.module.named_modules() if hasattr(m, "lora_A")}


@pytest.mark.parametrize(
    ("settings", "scaling"),
    [
        ({"rank": 8}, 2.0),
        ({"rank": 8, "alpha": 4.0}, 0.5),
        ({"rank": 16, "alpha": 8.0, "rslora": True}, 2.0),
        ({"rank": 4, "rslora": True}, 4.0),
    ],
)
def test_scalings_worked_out_by_hand(settings, scaling, llama):
    with Lora(**settings).training(llama, seed=0):
        for layer in adapted(llama).values():
            assert layer.scaling["default"] == pytest.approx(scaling)
            assert layer.lora_A["default"].weight.shape[0] == settings["rank"]


def test_all_linear_layers_but_the_head_have_adapters_by_default(model):
    expected = set(model.architecture.structure.linear)
    with Lora(rank=2).training(model, seed=0):
        assert set(adapted(model)) == expected
    assert expected
    assert not any(name.endswith(("lm_head", "decoder")) for name in expected)


@pytest.mark.parametrize("targets", [("q_proj",), ("q_proj", "v_proj"), ("mlp.down_proj",)])
def test_targets_are_ends_of_names(targets, llama):
    with Lora(rank=2, targets=targets).training(llama, seed=0):
        names = list(adapted(llama))
    assert len(names) == 2 * len(targets)
    assert all(name.endswith(targets) for name in names)


def test_a_target_that_the_model_lacks_is_one_clear_sentence(llama, configure):
    config = configure(parameters={"name": "lora", "targets": ["query", "v_proj"]})
    with pytest.raises(ValueError, match="must be ends of names of linear modules") as caught:
        list(run_trial(config))
    assert "q_proj" in str(caught.value)
    assert "'query'" in str(caught.value)
    assert not adapted(load(config.model.path, config.model.family)), "the model is left plain"


def test_a_layer_that_cannot_be_adapted_is_one_sentence_and_leaves_the_model_plain(tmp_path, llama):
    llama.tokenizer.hf.save_pretrained(tmp_path)
    config = MambaConfig(vocab_size=400, hidden_size=16, num_hidden_layers=2, state_size=4)
    MambaForCausalLM(config).save_pretrained(tmp_path)
    mamba = LanguageModel(tmp_path, "causal")
    before = state(mamba.module)
    with (
        pytest.raises(ValueError, match=r"parameters\.targets must be modules of .*'out_proj'"),
        Lora().training(mamba, seed=0),
    ):
        pass
    assert not adapted(mamba)
    assert unchanged(mamba.module, before)
    with Lora(targets=("in_proj", "x_proj")).training(mamba, seed=0):
        assert len(adapted(mamba)) == 4


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_the_merged_model_predicts_as_the_unmerged_one(dtype, model):
    model.reset(dtype)
    with Lora(rank=4).training(model, seed=0):
        for _ in range(5):
            gradient_step(model, nll(model), length=0.05)
        expected = text_predictions(model).token_log_prob_N
        with fused_weights(model, 1.0):
            merged = text_predictions(model).token_log_prob_N
    assert (merged - expected).abs().max() < {"fp32": 1e-5, "bf16": 0.2}[dtype]


def test_the_merge_is_that_of_peft(llama):
    with Lora(rank=4).training(llama, seed=0):
        for _ in range(3):
            gradient_step(llama, nll(llama), length=0.05)
        with fused_weights(llama, 1.0):
            merged = text_predictions(llama).token_log_prob_N
        llama.adapters.merge_adapter()
        expected = text_predictions(llama).token_log_prob_N
        assert isinstance(llama.adapters, peft.LoraModel)
    assert torch.allclose(merged, expected, atol=1e-5)


def test_the_change_of_each_matrix_has_the_rank_of_its_adapters(configure, name, tmp_path):
    config = configure(name, objective="cda", parameters={"name": "lora", "rank": 3})
    for report in run_trial(config):
        report.save_model(tmp_path)  # the last stays
    saved = load(str(tmp_path), config.model.family)
    base = load(config.model.path, config.model.family).base
    start = dict(base.named_parameters())
    ranks = set()
    for key, now in saved.module.named_parameters():
        moved = (now - start[key]).detach()
        if moved.ndim == 2 and moved.any():
            ranks.add(int(torch.linalg.matrix_rank(moved, rtol=1e-3)))
    assert ranks == {3}


@pytest.mark.parametrize("stage", [0, 1, 2])
@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_it_trains_and_resumes_in_every_stage(stage, dtype, configure, tmp_path):
    train = {"zero_stage": stage, "dtype": dtype, "report_every": 3}
    config = configure(parameters={"name": "lora", "rank": 2}, objective="cda", train=train)
    reports = run_trial(config)
    next(reports)
    next(reports).save_state(tmp_path / "half")
    end = next(reports)
    assert list(reports) == []
    (again,) = run_trial(config, resume_from=tmp_path / "half")
    assert again.metrics == end.metrics
    assert end.metrics["forgetting/general/nll_rise"] != 0


def test_a_trial_after_one_with_adapters_has_the_same_metrics_as_before(configure, name):
    plain = configure(name, objective="cda")
    first = [report.metrics for report in run_trial(plain)]
    list(run_trial(configure(name, objective="cda", parameters="lora")))
    assert [report.metrics for report in run_trial(plain)] == first


@pytest.mark.parametrize("regulariser", ["l2_to_base", "fisher", "recadam", "mixout"])
def test_a_regulariser_of_the_frozen_weights_is_one_clear_sentence(regulariser, configure):
    tree = configure(parameters="lora").tree()
    with pytest.raises(ValidationError, match="holds the weights of the base, which") as caught:
        TrialConfig.model_validate(tree | {"regulariser": {"name": regulariser}})
    assert "choose kl_to_base or none" in str(caught.value)
    TrialConfig.model_validate(tree | {"regulariser": {"name": "kl_to_base"}})


def test_it_is_trained_with_the_learning_rate_of_the_trial(configure):
    def moved(lr):
        config = configure(parameters="lora", objective="cda", train={"lr": lr})
        _, end = run_trial(config)
        return abs(end.metrics["forgetting/general/nll_rise"])

    assert moved(1e-2) > moved(1e-4)
    assert not math.isnan(moved(1e-2))
