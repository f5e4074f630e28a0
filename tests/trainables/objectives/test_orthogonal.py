"""Neutral words orthogonal to gender."""

import copy
import random

import pytest
import torch

from tests.conformance import PAIRS, clear_gradients, gradient_step, pair_predictions, perturb
from trainables.data.comparisons import compare, differing_positions
from trainables.objectives import Orthogonal
from trainables.objectives.orthogonal import gendered_states
from trainables.training.stream import Stream


def queries(model, pairs=PAIRS):
    compared = [
        compare(model.tokenizer, *model.tokenizer.encode(list(pair)), "as_written", "")
        for pair in pairs
    ]
    return [query for pair in compared for query in pair]


@torch.no_grad()
def slow_states(model, module, ids):
    """Return the hidden states of the tokens of one text in each layer: shape LTD."""
    ends = [model.tokenizer.end_id] if model.family == "masked" else []
    inputs = torch.tensor([[*model.tokenizer.start_ids, *ids, *ends]], device=model.device)
    states = module(inputs, output_hidden_states=True).hidden_states
    return torch.stack([layer[0, 1 : len(ids) + 1] for layer in states]).double()


def test_the_vectors_are_the_mean_base_states_of_gendered_tokens(model):
    base = copy.deepcopy(model.module)
    perturb(model, 0.1)
    vectors = gendered_states(model, queries(model))
    states_of_token = {}
    for pair in PAIRS:
        both = model.tokenizer.encode(list(pair))
        for ids, apart in zip(both, differing_positions(*both), strict=True):
            states = slow_states(model, base, ids)
            for t in apart:
                states_of_token.setdefault(ids[t], []).append(states[:, t])
    assert vectors.shape == (3, 2, 64), "embeddings and two layers; he and she"
    for g, token in enumerate(sorted(states_of_token)):
        expected = torch.stack(states_of_token[token]).mean(0).float()
        assert torch.allclose(vectors[:, g], expected, atol=1e-4)


@pytest.mark.parametrize("alpha", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("layers", ["all", "first", "last"])
def test_the_loss_is_the_formula_over_slow_states(layers, alpha, model):
    base = copy.deepcopy(model.module)
    perturb(model, 0.05)
    objective = Orthogonal(layers=layers, alpha=alpha, weight=2.0)
    vectors = gendered_states(model, queries(model))
    layer_numbers = {"all": [0, 1, 2], "first": [0], "last": [2]}[layers]
    losses = []
    for pair in PAIRS:
        both = model.tokenizer.encode(list(pair))
        for ids, apart in zip(both, differing_positions(*both), strict=True):
            now, before = (slow_states(model, module, ids) for module in (model.module, base))
            neutral = [t for t in range(len(ids)) if t not in apart]
            overlap = [
                (vectors[layer].double() @ now[layer, t]).square().mean()
                for layer in layer_numbers
                for t in neutral
            ]
            moved = [
                (now[layer, t] - before[layer, t]).square().mean()
                for layer in layer_numbers
                for t in range(len(ids))
            ]
            losses.append(
                alpha * sum(overlap) / len(overlap) + (1 - alpha) * sum(moved) / len(moved)
            )
    expected = 2.0 * (sum(losses) / len(losses)).item()
    pairs = pair_predictions(model, objective, prepared=vectors)
    assert objective.pair_loss(model, pairs).item() == pytest.approx(expected, rel=1e-3)


def test_at_the_base_the_second_term_is_zero(model):
    objective = Orthogonal(alpha=0.0)
    pairs = pair_predictions(model, objective, prepared=gendered_states(model, queries(model)))
    assert objective.pair_loss(model, pairs).item() == pytest.approx(0, abs=1e-9)


def test_steps_make_neutral_words_more_orthogonal(model):
    vectors = gendered_states(model, queries(model))
    overlap = Orthogonal(alpha=1.0)

    def loss():
        return overlap.pair_loss(model, pair_predictions(model, overlap, prepared=vectors))

    before = loss().item()
    for _ in range(20):
        gradient_step(model, loss(), length=0.1)
    assert loss().item() < 0.9 * before
    clear_gradients(model)


def test_the_vectors_are_prepared_from_as_many_pairs_as_examples_says(configure, llama):
    objective = Orthogonal(examples=3)
    config = configure(objective=objective.model_dump())
    stream = Stream(config, llama)
    drawn = [stream.pairs[p] for p in random.Random("orthogonal").sample(range(64), 3)]
    expected = gendered_states(llama, [q for pair in drawn for q in pair[:2]])
    assert torch.equal(objective.prepare(llama, stream.pairs), expected)


def test_pairs_without_a_difference_are_one_clear_sentence(llama):
    with pytest.raises(ValueError, match="needs pairs that differ in some word"):
        gendered_states(llama, queries(llama, [(PAIRS[0][0], PAIRS[0][0])]))
