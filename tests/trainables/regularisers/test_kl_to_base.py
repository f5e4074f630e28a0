"""Predicting as the base does."""

import math

import pytest
import torch
from torch.nn.functional import kl_div

from tests.conformance import TEXTS, clear_gradients, perturb, text_predictions
from trainables.config import TrialConfig
from trainables.data.queries import Query
from trainables.models.joint_forward import predict_jointly
from trainables.models.language_model import LanguageModel
from trainables.regularisers import KlToBase


def loss_of(model, texts=None, **settings):
    texts = text_predictions(model) if texts is None else texts
    return KlToBase(**settings).text_loss(model, texts)


@pytest.fixture
def uniform(llama):
    """A model whose base predicts every token with the same probability."""
    model = LanguageModel(llama.path, "causal")
    with torch.no_grad():
        for weight in model.module.parameters():
            weight.zero_()
    assert model.base is not model.module
    return model


@pytest.mark.parametrize("recurring", [True, False])
@pytest.mark.parametrize("direction", ["forward", "reverse"])
def test_a_divergence_from_the_uniform_worked_out_by_hand(direction, recurring, uniform):
    """States are the token's embedding, normed: √64 · (1, 0, …); the head's only other row is 9."""
    size = uniform.tokenizer.vocab_size
    with torch.no_grad():
        uniform.module.model.norm.weight.fill_(1.0)
        uniform.module.model.embed_tokens.weight[[1, 5], 0] = 1e-9
        uniform.module.model.embed_tokens.weight[9, 0] = 1.0
    queries = {"texts": [Query([9], {0: 5})]}
    cached = frozenset(queries) if recurring else frozenset()
    texts = predict_jointly(uniform, queries, recurring=cached)["texts"]
    log_prob_V = texts.log_prob_NV[0].tolist()
    odds = math.exp(log_prob_V[9] - log_prob_V[0])  # of 9 against any other
    assert odds == pytest.approx(math.exp(8.0), rel=1e-2)
    expected = {
        "forward": math.log((size - 1 + odds) / size) - math.log(odds) / size,
        "reverse": odds / (size - 1 + odds) * math.log(odds) + math.log(size / (size - 1 + odds)),
    }[direction]
    loss = loss_of(uniform, texts, weight=2.0, direction=direction)
    assert loss.item() == pytest.approx(2 * expected, rel=1e-4)


@pytest.mark.parametrize("direction", ["forward", "reverse"])
def test_the_divergence_is_that_of_torch(direction, model):
    perturb(model, 0.05)
    texts = text_predictions(model)
    now, base = texts.log_prob_NV.double(), texts.base_log_prob_NV.double()
    # torch's kl_div(q, p) is KL(p ‖ q).
    q, p = (now, base) if direction == "forward" else (base, now)
    expected = 0.3 * kl_div(q, p, log_target=True, reduction="batchmean").item()
    loss = loss_of(model, texts, weight=0.3, direction=direction).item()
    assert loss == pytest.approx(expected, rel=1e-4)


def test_forward_and_reverse_differ(model):
    perturb(model, 0.2)
    forward, reverse = (
        loss_of(model, direction=direction).item() for direction in ("forward", "reverse")
    )
    assert abs(forward - reverse) > 0.01 * forward


def test_every_token_has_the_same_weight_whatever_the_length_of_its_text(llama):
    perturb(llama, 0.05)
    long, short = (text_predictions(llama, [text]) for text in TEXTS[:2])
    num_long, num_short = len(long.targets_N), len(short.targets_N)
    assert num_long > num_short
    separate = num_long * loss_of(llama, long).item() + num_short * loss_of(llama, short).item()
    together = loss_of(llama, text_predictions(llama, TEXTS[:2])).item()
    assert together == pytest.approx(separate / (num_long + num_short), rel=1e-4)


@pytest.mark.parametrize("direction", ["forward", "reverse"])
def test_the_base_is_a_minimum(direction, model):
    loss = loss_of(model, weight=1.0, direction=direction)
    assert loss.item() == pytest.approx(0, abs=1e-6)
    loss.backward()
    steepest = max(
        w.grad.abs().max().item() for w in model.module.parameters() if w.grad is not None
    )
    assert steepest < 1e-5
    clear_gradients(model)


def test_in_bf16_the_base_is_nearly_a_minimum(model):
    model.reset("bf16")
    assert abs(loss_of(model, weight=1.0).item()) < 0.01


def test_general_texts_of_its_own_are_named_with_how_many_a_step():
    assert KlToBase().anchor is None
    assert KlToBase(data="bold_wikipedia", texts=3).anchor == ("bold_wikipedia", 3)
    assert KlToBase(data="bold_wikipedia").anchor == ("bold_wikipedia", 8)
    with pytest.raises(ValueError, match="give data, or leave texts out"):
        KlToBase(texts=3)


def test_without_any_texts_there_is_one_clear_sentence(configure):
    tree = configure(objective="npo").tree()

    def refusal(**changes):
        """Return the sentence with which the trial is refused, empty if it is not."""
        try:
            TrialConfig.model_validate(tree | changes)
        except ValueError as error:
            return str(error)
        return ""

    regulariser = {"regulariser": {"name": "kl_to_base"}}
    assert "kl_to_base needs texts, but objective npo trains on none" in refusal(**regulariser)
    replay = {"data": "miniature", "ratio": 0.0}
    assert "nothing is replayed" in refusal(**regulariser, replay=replay)
    assert not refusal(**regulariser, replay=replay | {"ratio": 0.1})
    assert not refusal(regulariser={"name": "kl_to_base", "data": "miniature"})
    assert not refusal(**regulariser, objective={"name": "cda"})
