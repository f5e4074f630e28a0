"""Low-rank adapters."""

import math

import peft
import pytest
import torch
import transformers
from pydantic import ValidationError

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


MAMBA = {"vocab_size": 400, "hidden_size": 16, "num_hidden_layers": 2, "state_size": 4}
MAMBA2 = MAMBA | {"num_heads": 2, "head_dim": 16, "n_groups": 1, "chunk_size": 8}
FALCON_H1 = {
    "vocab_size": 400, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 1, "intermediate_size": 16, "mamba_d_ssm": 16, "mamba_n_heads": 2,
    "mamba_d_head": 8, "mamba_d_state": 4, "mamba_chunk_size": 8,
}  # fmt: skip
DEEPSEEK = {
    "vocab_size": 400, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 2, "intermediate_size": 16, "moe_intermediate_size": 8,
    "n_routed_experts": 4, "n_group": 1, "topk_group": 1, "num_experts_per_tok": 2, "q_lora_rank": 4,
    "kv_lora_rank": 4, "qk_rope_head_dim": 4, "qk_nope_head_dim": 4, "v_head_dim": 8,
    "first_k_dense_replace": 1, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip


@pytest.fixture
def load_untrained(tmp_path, llama):
    """Return a function: class of transformers, its settings -> an untrained model of it."""

    def load_untrained(kind, settings):
        llama.tokenizer.hf.save_pretrained(tmp_path)
        made_by = getattr(transformers, kind)
        torch.manual_seed(0)
        made_by(made_by.config_class(**settings)).save_pretrained(tmp_path)
        return LanguageModel(tmp_path, "causal")

    return load_untrained


@pytest.mark.parametrize(
    ("kind", "settings", "others"),
    [
        ("MambaForCausalLM", MAMBA, 3),
        ("FalconMambaForCausalLM", MAMBA, 3),
        ("Mamba2ForCausalLM", MAMBA2, 1),
        ("FalconH1ForCausalLM", FALCON_H1, 8),
    ],
    ids=str,
)
def test_a_layer_whose_matrix_kernels_read_gets_no_adapter(kind, settings, others, load_untrained):
    model = load_untrained(kind, settings)
    with Lora().training(model, seed=0):
        names = set(adapted(model))
    assert len(names) == 2 * others
    assert names == {n for n in model.architecture.structure.linear if "out_proj" not in n}
    with pytest.raises(ValueError, match=r"targets must be .* can be adapted \(.*got 'out_proj'"):
        Lora(targets=("out_proj",)).refuse_misfit("it", model.architecture.structure)


def test_what_peft_refuses_is_one_sentence_and_leaves_the_model_plain(load_untrained, monkeypatch):
    monkeypatch.setattr("trainables.models.structure.MAMBAS", frozenset())
    mamba = load_untrained("MambaForCausalLM", MAMBA)
    before = state(mamba.module)
    with (
        pytest.raises(ValueError, match=r"parameters\.targets must be modules of .*'out_proj'"),
        Lora().training(mamba, seed=0),
    ):
        pass
    assert not adapted(mamba)
    assert unchanged(mamba.module, before)


def test_experts_get_no_adapters_and_are_saved_as_they_are(load_untrained, tmp_path):
    """peft would adapt their stacked matrices in place of the other linear layers of these names."""
    model = load_untrained("DeepseekV3ForCausalLM", DEEPSEEK)
    read = torch.tensor([model.tokenizer.encode(["the nurse said that she was tired"])[0]])
    with Lora(rank=2).training(model, seed=0):
        assert set(adapted(model)) == set(model.architecture.structure.linear)
        assert any(name.endswith("down_proj") for name in adapted(model))
        gradient_step(model, nll(model), length=0.3)
        with fused_weights(model, 1.0), torch.no_grad():
            expected = model.module.eval()(input_ids=read).logits
            model.save(tmp_path / "saved")
    saved, loading = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path / "saved", output_loading_info=True
    )
    assert not loading["missing_keys"]
    with torch.no_grad():
        assert torch.allclose(saved.eval()(input_ids=read).logits, expected, atol=1e-5)


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
