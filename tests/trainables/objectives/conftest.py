"""The log-probabilities of pairs by a slow loop over transformers' own model."""

import copy

import pytest
import torch

from tests.conformance import PAIRS, perturb
from trainables.data.comparisons import differing_positions


@torch.no_grad()
def log_probs(model, module, ids, masked=()):
    """Return log p, in doubles, of every token of the vocabulary at every place: shape TV.

    masked: places that are masked together.
    """
    if model.family == "causal":
        inputs = [*model.tokenizer.start_ids, *ids[:-1]]
        return (
            module(torch.tensor([inputs], device=model.device)).logits[0].double().log_softmax(-1)
        )
    inputs = [model.tokenizer.mask_id if t in masked else token for t, token in enumerate(ids)]
    inputs = [*model.tokenizer.start_ids, *inputs, model.tokenizer.end_id]
    return (
        module(torch.tensor([inputs], device=model.device)).logits[0, 1:-1].double().log_softmax(-1)
    )


@pytest.fixture
def scores():
    """Return scores(model, module): for each pair log p of the scored tokens of both texts, as lists.

    causal: of all tokens, or with differing_alone of those that differ. masked: of those that differ,
    masked together. The module may be the model's or another of its kind.
    """

    def scores_of(model, module, *, differing_alone=False):
        scores = []
        for pair in PAIRS:
            both = model.tokenizer.encode(list(pair))
            sides = []
            for ids, apart in zip(both, differing_positions(*both), strict=True):
                whole = model.family == "causal" and not differing_alone
                places = range(len(ids)) if whole else apart
                log_prob_TV = log_probs(model, module, ids, apart)
                sides.append([log_prob_TV[t, ids[t]].item() for t in places])
            scores.append(sides)
        return scores

    return scores_of


@pytest.fixture
def moved(model):
    """(model, base): a miniature model away from its base, and the base as another module."""
    base = copy.deepcopy(model.module)
    perturb(model, 0.05)
    return model, base
