"""Predicting as the base does."""

import math

import pytest
import torch
from torch.nn.functional import kl_div

from tests.conformance import TEXTS, perturb, text_batch
from trainables.batch import Query, padded
from trainables.model import LanguageModel
from trainables.regularisers import KlToBase


def loss_of(model, texts, **settings):
    return KlToBase(**settings).loss(model, texts, model.logits(texts))


@pytest.fixture
def uniform(llama):
    """A model whose base predicts every token with the same probability."""
    model = LanguageModel(llama.path, "causal")
    with torch.no_grad():
        for weight in model.module.parameters():
            weight.zero_()
    assert not model.base_logits(padded(model, [Query([1, 5], {0: 5})])).any()
    return model


@pytest.mark.parametrize("direction", ["forward", "reverse"])
def test_a_divergence_from_the_uniform_worked_out_by_hand(direction, uniform):
    texts = padded(uniform, [Query([1, 5], {0: 5, 1: 6}), Query([1], {0: 7})])
    size = uniform.vocab_size
    logits = torch.zeros(3, size)
    logits[..., 9] = math.log(3)  # p(9) = 3 / (V + 2), every other 1 / (V + 2)
    expected = {
        "forward": math.log((size + 2) / size) - math.log(3) / size,
        "reverse": 3 / (size + 2) * math.log(3) + math.log(size / (size + 2)),
    }[direction]
    loss = KlToBase(weight=2.0, direction=direction).loss(uniform, texts, logits)
    assert loss.item() == pytest.approx(2 * expected, rel=1e-4)


@pytest.mark.parametrize("direction", ["forward", "reverse"])
def test_the_divergence_is_that_of_torch(direction, model):
    perturb(model, 0.05)
    texts = text_batch(model)
    now = model.logits(texts).double().log_softmax(-1)
    base = model.base_logits(texts).double().log_softmax(-1)
    # torch's kl_div(q, p) is KL(p ‖ q).
    q, p = (now, base) if direction == "forward" else (base, now)
    expected = 0.3 * kl_div(q, p, log_target=True, reduction="batchmean").item()
    found = loss_of(model, texts, weight=0.3, direction=direction).item()
    assert found == pytest.approx(expected, rel=1e-4)


def test_forward_and_reverse_are_two_things(model):
    perturb(model, 0.2)
    texts = text_batch(model)
    forward, reverse = (
        loss_of(model, texts, direction=direction).item() for direction in ("forward", "reverse")
    )
    assert abs(forward - reverse) > 0.01 * forward


def test_padding_and_what_is_only_read_never_count(model):
    perturb(model, 0.05)
    texts = text_batch(model)
    expected = loss_of(model, texts).item()
    texts.ids_BT[texts.attention_BT == 0] = 13
    assert loss_of(model, texts).item() == pytest.approx(expected, rel=1e-5)


def test_every_token_weighs_the_same_whatever_the_length_of_its_text(llama):
    perturb(llama, 0.05)
    long, short = (text_batch(llama, [text]) for text in TEXTS[:2])
    num_long, num_short = long.predicted_BT.sum().item(), short.predicted_BT.sum().item()
    assert num_long > num_short
    apart = num_long * loss_of(llama, long).item() + num_short * loss_of(llama, short).item()
    together = loss_of(llama, text_batch(llama, TEXTS[:2])).item()
    assert together == pytest.approx(apart / (num_long + num_short), rel=1e-4)


@pytest.mark.parametrize("direction", ["forward", "reverse"])
def test_the_very_base_is_a_minimum(direction, model):
    loss = loss_of(model, text_batch(model), weight=1.0, direction=direction)
    assert loss.item() == pytest.approx(0, abs=1e-6)
    loss.backward()
    steepest = max(
        w.grad.abs().max().item() for w in model.module.parameters() if w.grad is not None
    )
    assert steepest < 1e-5


def test_in_bf16_the_base_is_nearly_a_minimum(model):
    model.reset("bf16")
    assert 0 <= loss_of(model, text_batch(model), weight=1.0).item() < 0.01
