"""What a model must do to be measured and trained."""

import pytest
import torch

from tests.trainables.models.conftest import BERT, made
from trainables.models.architecture import Unfit, describe
from trainables.models.fitness.laws import CannotRun, abilities, refuse_unfit

LONG = BERT | {"max_position_embeddings": 128}
LLAMA = BERT | {"num_key_value_heads": 1, "pad_token_id": 0}
XLNET = {"d_model": 16, "n_layer": 2, "n_head": 2, "d_inner": 8, "vocab_size": 30}
FUNNEL = {
    "d_model": 16, "n_head": 2, "d_head": 8, "d_inner": 8, "block_sizes": [1, 1],
    "num_decoder_layers": 1, "vocab_size": 30,
}  # fmt: skip
REFORMER = {
    "hidden_size": 16, "num_attention_heads": 2, "attention_head_size": 8, "vocab_size": 30,
    "axial_pos_shape": [8, 8], "axial_pos_embds_dim": [8, 8], "max_position_embeddings": 64,
    "feed_forward_size": 8, "local_attn_chunk_length": 8, "lsh_attn_chunk_length": 8,
    "num_buckets": 2, "is_decoder": True,
}  # fmt: skip
XGLM = {
    "d_model": 16, "ffn_dim": 8, "num_layers": 2, "attention_heads": 2, "vocab_size": 30,
    "max_position_embeddings": 128,
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "family", "settings", "sentence"),
    [
        ("XLNetLMHeadModel", "causal", XLNET, "predictions of this XLNetLMHeadModel depend on what"),
        ("FunnelForMaskedLM", "masked", FUNNEL, "FunnelForMaskedLM depend on the padding after"),
        ("YosoForMaskedLM", "masked", LONG, "YosoForMaskedLM depend on the padding after"),
        (
            "ReformerModelWithLMHead", "causal", REFORMER | {"attn_layers": ["local", "lsh"]},
            "must predict the same for a text each time, .* ReformerModelWithLMHead differ from time",
        ),
        (
            "NystromformerForMaskedLM", "masked",
            LONG | {"num_landmarks": 8, "segment_means_seq_len": 64},
            r"this NystromformerForMaskedLM fails at texts of 3 to 65 tokens \(shape",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_cannot_be_measured_is_one_sentence(kind, family, settings, sentence):
    for check in (refuse_unfit, abilities):
        with pytest.raises(ValueError, match=sentence) as caught:
            check(made(kind, **settings), family)
        assert "\n" not in str(caught.value)
        assert str(caught.value).count(". ") == 0


def test_what_reads_any_text_but_cannot_be_trained_on_it_is_one_sentence():
    module = made("ReformerModelWithLMHead", **REFORMER, attn_layers=["local", "local"])
    refuse_unfit(module, "causal")
    with pytest.raises(CannotRun, match=r"Reformer.* fails at .* \(If training, make sure"):
        abilities(module, "causal")


class SeesFar(torch.nn.Module):
    """Adds to each state that of a later token, which only a longer text has."""

    def forward(self, states_BTD, *_, **__):
        return states_BTD + states_BTD.roll(-16, 1) * (states_BTD.shape[1] > 16)


def test_what_only_a_longer_text_shows_is_found():
    module = made("GemmaForCausalLM", **LLAMA | {"max_position_embeddings": 128, "head_dim": 8})
    refuse_unfit(module, "causal")
    module.model.norm = SeesFar()
    describe(module, "causal")
    with pytest.raises(Unfit, match="GemmaForCausalLM depend on"):
        refuse_unfit(module, "causal")


@pytest.mark.parametrize(
    ("kind", "family", "settings", "expected"),
    [
        ("GPTJForCausalLM", "causal",
         {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 20, "rotary_dim": 4,
          "vocab_size": 30}, {"layers", "bf16"}),
        ("MixtralForCausalLM", "causal", LLAMA | {"num_local_experts": 4}, {"layers", "bf16"}),
        ("MambaForCausalLM", "causal",
         {"hidden_size": 16, "num_hidden_layers": 2, "state_size": 4, "vocab_size": 30},
         {"layers", "bf16"}),
        ("XLMRobertaForMaskedLM", "masked", BERT | {"type_vocab_size": 1}, {"layers", "bf16"}),
        ("XGLMForCausalLM", "causal", XGLM, {"layers"}),
        ("Gemma3nForCausalLM", "causal",
         LLAMA | {"num_hidden_layers": 4, "head_dim": 8, "vocab_size_per_layer_input": 30,
                  "hidden_size_per_layer_input": 8, "num_kv_shared_layers": 1,
                  "altup_num_inputs": 2, "laurel_rank": 4, "intermediate_size": [8] * 4,
                  "activation_sparsity_pattern": [0.0] * 4,
                  "layer_types": ["sliding_attention", "full_attention"] * 2}, {"bf16"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_a_model_can_do_is_tried(kind, family, settings, expected):
    assert set(abilities(made(kind, **settings), family)) == expected


def test_the_model_is_left_as_it_was():
    module = made("XLMRobertaForMaskedLM", **BERT, type_vocab_size=1).train()
    before = [weight.clone() for weight in module.state_dict().values()]
    random_state = torch.random.get_rng_state()
    refuse_unfit(module, "masked")
    assert all(map(torch.equal, before, module.state_dict().values()))
    assert torch.equal(torch.random.get_rng_state(), random_state)
    assert module.training
    assert all(weight.grad is None for weight in module.parameters())


def test_a_model_without_a_finite_gradient_is_one_sentence():
    module = made("XLMRobertaForMaskedLM", **BERT, type_vocab_size=1)
    module.lm_head.layer_norm.weight.register_hook(lambda gradient: gradient * torch.inf)
    with pytest.raises(Unfit, match="must have a finite gradient of its loss, but this XLMRoberta"):
        abilities(module, "masked")
