"""More dropout."""

from collections import Counter

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from tests.conformance import TEXTS, text_predictions
from trainables.objectives import Dropout
from trainables.objectives.dropout import BRANCH


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


class Rates(TorchFunctionMode):
    """Counts the rates of dropout that reach torch, by the dimensions of what is dropped."""

    def __init__(self):
        super().__init__()
        self.seen = Counter()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is nn.functional.dropout and kwargs["training"]:
            self.seen[args[0].ndim, kwargs["p"]] += 1
        if func is nn.functional.scaled_dot_product_attention:
            self.seen[4, kwargs["dropout_p"]] += 1
        return func(*args, **kwargs)


def rates_in_training(model, objective):
    model.module.train()
    with objective.training(model), Rates() as rates:
        text_predictions(model, TEXTS[:1])
    model.module.eval()
    return rates.seen


def test_a_bert_gets_the_rates_where_it_has_dropout(bert):
    """After the embeddings, and in each of two blocks in attention, after it and after the MLP."""
    rates = rates_in_training(bert, Dropout(hidden=0.3, attention=0.4))
    assert rates == {(3, 0.3): 1 + 2 * 2, (4, 0.4): 2}


def test_a_llama_gets_them_after_the_embeddings_and_each_branch(llama):
    hooks = lambda: sum(len(part._forward_hooks) for part in llama.module.modules())  # noqa: E731
    before = hooks()
    rates = rates_in_training(llama, Dropout(hidden=0.3, attention=0.4))
    assert rates == {(3, 0.3): 1 + 2 * 2, (4, 0.4): 2}
    assert hooks() == before


def test_a_forward_that_fails_leaves_no_rates_behind(llama):
    llama.module.train()
    with Dropout(hidden=0.3).training(llama):
        with pytest.raises(ValueError, match="input_ids"):
            llama.module()
        states = torch.ones(2, 3, 4)
        assert torch.equal(nn.functional.dropout(states, 0.0, training=True), states)
    llama.module.eval()


def test_another_model_in_training_at_the_same_time_keeps_its_rates(llama, bert):
    """As the copy that the evaluator finetune trains."""
    bert.module.train()
    llama.module.train()
    with Dropout(hidden=0.3).training(llama):
        assert torch.equal(likelihood(bert), likelihood(bert))
    bert.module.eval()
    llama.module.eval()


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


def test_what_stands_in_the_place_of_attention_is_a_branch():
    names = {
        "mamba",
        "conv",
        "temporal_block",
        "self_attn",
        "block_sparse_moe",
        "mixer",
        "mlp_block",
    }
    others = {"linear", "mamba_decoder", "conv1d", "act_fn", "altup"}
    assert {name for name in names | others if BRANCH.search(name)} == names
