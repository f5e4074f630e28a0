"""The linear probe, against scikit-learn on features made one text at a time."""

import copy

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from trainables import estimate, labelled
from trainables.evaluators import Probe
from trainables.features import features

ACCURACY = "task/miniature/probe_accuracy"


def slow_states(model, texts, pooling):
    found = []
    module = copy.deepcopy(model.module)  # transformers leaves hooks where it records states
    for text in texts:
        (ids,) = model.encode([text])
        read = [model.start_id, *ids] + ([model.end_id] if model.family == "masked" else [])
        with torch.no_grad():
            states = module(torch.tensor([read]), output_hidden_states=True).hidden_states[-1]
        states = states[0]
        if pooling == "mean":
            found.append(states[model.family == "causal" :].mean(0))
        else:
            found.append(states[0 if model.family == "masked" else -1])
    return torch.stack(found)


@pytest.mark.parametrize("pooling", ["mean", "summary"])
def test_features_are_those_of_each_text_alone(pooling, model):
    model.module.eval()
    texts = ["the wolf eats deer", "the nurse said that she was tired today", "anna"]
    expected = slow_states(model, texts, pooling)
    found = features(model, texts, pooling=pooling)
    assert found.numpy() == pytest.approx(expected.numpy(), abs=1e-5)


def test_the_accuracy_is_that_of_scikit_learn(model):
    model.module.eval()
    learnt, measured = labelled.split("miniature", 80, 80)
    x, y = (
        slow_states(model, [row.text for row in rows], "mean").numpy()
        for rows in (learnt, measured)
    )
    centre, scale = x.mean(0), x.std(0)
    probe = LogisticRegression(max_iter=2000).fit(
        (x - centre) / scale, [row.label for row in learnt]
    )
    said = probe.predict((y - centre) / scale)
    expected = np.mean([a == row.label for a, row in zip(said, measured, strict=True)])
    found = Probe(data="miniature", train=80, test=80).measure(model, {})
    assert found[ACCURACY].value == pytest.approx(expected, abs=1 / 80 + 1e-9)


def test_what_the_states_hold_is_found_and_what_they_lost_is_not(model):
    kept = estimate.values(Probe(data="miniature").measure(model, {}))[ACCURACY]
    with torch.no_grad():
        model.module.get_input_embeddings().weight.zero_()  # all words are alike
    lost = estimate.values(Probe(data="miniature").measure(model, {}))[ACCURACY]
    assert kept > 0.9
    assert lost < 0.65
