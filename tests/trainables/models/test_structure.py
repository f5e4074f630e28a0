"""The modules of a model, which need no weights."""

import pytest
import torch
import transformers
from torch import nn

from tests.trainables.architectures import ARCHITECTURES
from tests.trainables.models.conftest import BERT, TINY, made, settings_of
from trainables.models.architecture import describe
from trainables.models.structure import body_of, structure_of, vocabulary_head


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_structure_needs_no_weights(name, modules):
    kind = ARCHITECTURES[name]
    made_by = getattr(transformers, kind.made_by)
    with torch.device("meta"):
        module = made_by(made_by.config_class(**settings_of(kind)))
    assert structure_of(module) == structure_of(modules(name))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_linear_are_all_layers_with_a_matrix_but_the_vocabulary_head(name, modules):
    module = modules(name)
    linear = set(structure_of(module).linear)
    for part_name, part in module.named_modules():
        weight = getattr(part, "weight", None)
        is_matrix = isinstance(weight, nn.Parameter) and weight.dim() == 2
        is_table = isinstance(part, nn.Embedding)
        is_head = part is vocabulary_head(module)
        assert (part_name in linear) == (is_matrix and not is_table and not is_head), part_name


def test_a_head_that_is_no_module_has_none(modules):
    assert vocabulary_head(modules("deberta-v3-own-head")) is None
    head = vocabulary_head(modules("deberta-v3"))
    assert head.weight.shape == (60, 32)


def test_blocks_of_several_groups_are_as_many_as_there_are():
    shared = structure_of(made("AlbertForMaskedLM", **BERT, embedding_size=8, inner_group_num=2))
    assert shared.shares_blocks
    apart = structure_of(made("AlbertForMaskedLM", **BERT, embedding_size=8, num_hidden_groups=2))
    assert not apart.shares_blocks
    assert len(apart.blocks) == 2


def test_a_router_that_derives_from_a_linear_layer_is_none():
    """It draws at random in training, and gives several tensors."""
    module = made(
        "PhimoeForCausalLM", hidden_size=16, intermediate_size=8, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=2, num_local_experts=2, vocab_size=30,
        max_position_embeddings=20, pad_token_id=0, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    routers = [name for name, part in module.named_modules() if "Router" in type(part).__name__]
    assert routers
    assert not set(routers) & set(structure_of(module).linear)
    assert structure_of(module).linear


def test_the_blocks_of_a_decoder_alone_are_its_own():
    bart = made(
        "BartForCausalLM", d_model=16, decoder_layers=2, decoder_attention_heads=2,
        decoder_ffn_dim=8, vocab_size=30, max_position_embeddings=20,
    )  # fmt: skip
    assert bart.config.num_hidden_layers == 12, "the encoder's, which there is none of"
    structure = structure_of(bart)
    assert structure.num_blocks == 2
    assert structure.blocks == ("model.decoder.layers.0", "model.decoder.layers.1")


def test_the_body_of_a_model_has_no_head():
    llama4 = made(
        "Llama4ForCausalLM", **TINY, intermediate_size=8, intermediate_size_mlp=8, head_dim=8,
        num_key_value_heads=1, num_local_experts=2, pad_token_id=0, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    assert llama4.base_model is llama4
    for module in (llama4, made("BertForMaskedLM", **BERT)):
        with torch.no_grad():
            output = body_of(module)(input_ids=torch.tensor([[5, 6, 7]]))
        assert output.last_hidden_state.shape == (1, 3, 16)
    assert describe(llama4, "causal").width == 16


def test_blocks_that_are_no_modules_are_not_named():
    xlm = made("XLMWithLMHeadModel", emb_dim=16, n_layers=2, n_heads=2, vocab_size=30)
    structure = structure_of(xlm)
    assert structure.num_blocks == 2
    assert structure.blocks == ()
