"""What only a forward shows of a model."""

import pytest
import torch

from tests.trainables.architectures import ARCHITECTURES
from tests.trainables.models.conftest import BERT, made
from trainables.models.architecture import UNLIMITED, describe, is_of_states


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_an_architecture_is_described_as_it_is(name, modules):
    kind, module = ARCHITECTURES[name], modules(name)
    before = [weight.clone() for weight in module.state_dict().values()]
    random_state = torch.random.get_rng_state()
    actual = describe(module, kind.family)
    structure = actual.structure
    assert structure.num_blocks == 2
    assert structure.blocks == tuple(
        f"{kind.blocks}.{number}" for number in range(1 if name == "albert" else 2)
    )
    assert structure.shares_blocks == (name == "albert")
    assert actual.width == kind.width
    assert actual.num_positions == (UNLIMITED if name == "bloom" else kind.positions)
    assert actual.has_segments == kind.segments
    assert actual.takes_positions == (name not in ("bloom", "mpt"))
    llamas = {"llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3", "olmo2", "smollm3"}
    assert actual.drops_states == (name not in llamas)
    windows = {"mistral": 16, "gemma2": 16, "gemma3": 16, "modernbert": 8}
    assert actual.window == windows.get(name, actual.num_positions)
    assert all(map(torch.equal, before, module.state_dict().values()))
    assert torch.equal(torch.random.get_rng_state(), random_state)
    assert not module.training


def test_positions_of_padding_are_none_of_a_text():
    """The first rows of RoBERTa's table belong to padding: 20 − 1 − its number are left."""
    for pad, positions in ((1, 18), (5, 14)):
        roberta = made("RobertaForMaskedLM", **BERT, pad_token_id=pad, type_vocab_size=1)
        assert describe(roberta, "masked").num_positions == positions
    with pytest.raises((IndexError, RuntimeError), match="out of"):
        roberta(input_ids=torch.full((1, 15), 7))
    roberta(input_ids=torch.full((1, 14), 7))


def test_a_window_of_an_older_name_is_known():
    gpt_neo = made(
        "GPTNeoForCausalLM", hidden_size=16, num_layers=2, num_heads=2, vocab_size=30,
        attention_types=[[["global", "local"], 1]], window_size=6, max_position_embeddings=20,
    )  # fmt: skip
    actual = describe(gpt_neo, "causal")
    assert actual.window == 6
    assert not actual.takes_positions, "its window is by places in the row, whatever mask is given"


@pytest.mark.parametrize("kind", ["BertLMHeadModel", "RobertaForCausalLM", "ElectraForCausalLM"])
def test_a_causal_model_that_sees_what_follows_is_one_clear_sentence(kind):
    with pytest.raises(ValueError, match=f"predictions of this {kind} depend on what follows"):
        describe(made(kind, **BERT), "causal")
    assert describe(made(kind, **BERT, is_decoder=True), "causal").num_positions in (18, 20)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("ConvBertForMaskedLM", BERT | {"embedding_size": 16, "head_ratio": 1}),
        ("FNetForMaskedLM", {key: BERT[key] for key in BERT if key != "num_attention_heads"}),
    ],
    ids=str,
)
def test_a_model_that_reads_padding_is_one_clear_sentence(kind, settings):
    """Its numbers for a text would depend on the texts in the same batch."""
    with pytest.raises(ValueError, match=f"predictions of this {kind} depend on the padding after"):
        describe(made(kind, **settings), "masked")


def test_probabilities_of_attention_have_one_dimension_more_than_states():
    assert is_of_states(torch.empty(2, 5, 16))
    assert is_of_states(torch.empty(5, 16))
    assert not is_of_states(torch.empty(2, 4, 5, 5))
    assert is_of_states(torch.randn(8, 5, 5))
    assert not is_of_states(torch.randn(8, 5, 5).softmax(-1))
