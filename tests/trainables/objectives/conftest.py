"""The log-probabilities of pairs by a slow loop over transformers' own model."""

import copy

import pytest
import torch

from tests.conformance import PAIRS, perturb
from trainables.data.comparisons import differing_positions


@torch.no_grad()
def log_probs(model, module, ids, masked=()):
    """log p, in doubles, of every token at every place: shape TV."""
    if model.family == "causal":
        read = [model.tokenizer.start_id, *ids[:-1]]
        return module(torch.tensor([read])).logits[0].double().log_softmax(-1)
    read = [model.tokenizer.mask_id if t in masked else token for t, token in enumerate(ids)]
    read = torch.tensor([[model.tokenizer.start_id, *read, model.tokenizer.end_id]])
    return module(read).logits[0, 1:-1].double().log_softmax(-1)


@pytest.fixture
def scores():
    """Of each pair: log p of the scored tokens of the stereotype and of its twin, as lists.

    causal: all tokens (or those that differ); masked: those that differ, masked together.
    """

    def of(model, module, *, differing_alone=False):
        found = []
        for pair in PAIRS:
            both = model.tokenizer.encode(list(pair))
            sides = []
            for ids, apart in zip(both, differing_positions(*both), strict=True):
                asked = apart
                if model.family == "causal" and not differing_alone:
                    asked = range(len(ids))
                table = log_probs(model, module, ids, apart)
                sides.append([table[t, ids[t]].item() for t in asked])
            found.append(sides)
        return found

    return of


@pytest.fixture
def moved(model):
    """A miniature model away from its base; the base beside it, as another module."""
    base = copy.deepcopy(model.module)
    perturb(model, 0.05)
    return model, base
