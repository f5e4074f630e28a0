"""More dropout."""

import pytest
import torch
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from tests.conformance import text_predictions
from trainables.objectives import Dropout


@pytest.fixture
def training(model):
    model.module.train()
    yield model
    model.module.eval()


def likelihood(model):
    torch.manual_seed(0)
    return text_predictions(model).token_log_prob_N


def test_it_trains_on_texts_as_found_and_does_not_compare_pairs():
    assert Dropout().trains_on == ("original",)
    assert Dropout().compares is None


def test_the_published_rates_are_the_default():
    assert (Dropout().hidden, Dropout().attention) == (0.20, 0.15)


@pytest.mark.parametrize(("hidden", "attention"), [(0.5, 0.0), (0.0, 0.5)])
def test_each_kind_of_dropout_acts_in_training(hidden, attention, training):
    before = likelihood(training)
    with Dropout(hidden=hidden, attention=attention).training(training):
        assert not torch.equal(likelihood(training), before)
    assert torch.equal(likelihood(training), before)


def test_without_any_dropout_training_is_as_it_was(training):
    before = likelihood(training)
    with Dropout(hidden=0.0, attention=0.0).training(training):
        assert torch.equal(likelihood(training), before)


def test_a_bert_gets_the_rates_where_it_has_dropout(bert):
    with Dropout(hidden=0.3, attention=0.4).training(bert):
        rates = {
            name: part.p
            for name, part in bert.module.named_modules()
            if isinstance(part, nn.Dropout)
        }
    assert {name.endswith("self.dropout"): rate for name, rate in rates.items()} == {
        True: 0.4,
        False: 0.3,
    }
    assert len(rates) == 1 + 2 * 3, "embeddings, and three in each of two blocks"


def test_a_llama_gets_them_after_the_embeddings_and_each_branch(llama):
    hooks = lambda: sum(len(part._forward_hooks) for part in llama.module.modules())  # noqa: E731
    before = hooks()
    with Dropout(hidden=0.3, attention=0.4).training(llama):
        assert hooks() - before == 1 + 2 * 2
        assert {block.self_attn.attention_dropout for block in llama.blocks} == {0.4}
    assert hooks() == before
    assert {block.self_attn.attention_dropout for block in llama.blocks} == {0.0}


def test_the_share_of_hidden_states_that_is_dropped_is_the_rate(llama):
    llama.module.train()
    outputs = []
    with Dropout(hidden=0.25, attention=0.0).training(llama):
        embeddings = llama.module.get_input_embeddings()
        hook = embeddings.register_forward_hook(lambda *args: outputs.append(args[2]))
        for _ in range(20):
            text_predictions(llama)
        hook.remove()
    llama.module.eval()
    dropped = torch.cat([states.flatten() for states in outputs]) == 0
    assert dropped.float().mean().item() == pytest.approx(0.25, abs=0.01)


def test_the_names_of_dropout_modules_are_those_of_transformers():
    """The objective tells attention from hidden states by these names."""
    size = {"vocab_size": 9, "n_embd": 8, "n_head": 2, "n_layer": 1, "n_positions": 8}
    gpt2 = GPT2LMHeadModel(GPT2Config(**size))
    names = [name for name, part in gpt2.named_modules() if isinstance(part, nn.Dropout)]
    assert sorted(name.rpartition(".")[2] for name in names) == [
        "attn_dropout", "drop", "dropout", "resid_dropout",
    ]  # fmt: skip
    llama = LlamaForCausalLM(
        LlamaConfig(vocab_size=9, hidden_size=8, intermediate_size=8, num_hidden_layers=1,
                    num_attention_heads=2)
    )  # fmt: skip
    assert hasattr(llama.model.layers[0].self_attn, "attention_dropout")
