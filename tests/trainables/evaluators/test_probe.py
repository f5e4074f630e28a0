"""The linear probe, against scikit-learn on features made one text at a time."""

import copy

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from trainables.data.sets import labelled
from trainables.evaluators import Probe
from trainables.metrics import estimate
from trainables.scoring.features import features, whole_texts

ACCURACY = "task/miniature/probe_accuracy"


def slow_states(model, texts, pooling):
    """Return the pooled last hidden states, one text at a time: shape SD."""
    pooled = []
    module = copy.deepcopy(model.module)  # transformers leaves hooks in a model that records states
    for text in texts:
        (ids,) = model.tokenizer.encode([text])
        inputs = [*model.tokenizer.start_ids, *ids] + (
            [model.tokenizer.end_id] if model.family == "masked" else []
        )
        read = torch.tensor([inputs], device=model.device)
        with torch.no_grad():
            states = module(read, output_hidden_states=True).hidden_states[-1]
        states = states[0]
        if pooling == "mean":
            pooled.append(states[model.family == "causal" :].mean(0))
        else:
            pooled.append(states[0 if model.family == "masked" else -1])
    return torch.stack(pooled)


@pytest.mark.parametrize("pooling", ["mean", "summary"])
def test_features_are_those_of_each_text_alone(pooling, model):
    model.module.eval()
    texts = ["the wolf eats deer", "the nurse said that she was tired today", "anna"]
    expected = slow_states(model, texts, pooling)
    states = features(model, [(text,) for text in texts], pooling=pooling)
    assert states.cpu().numpy() == pytest.approx(expected.cpu().numpy(), abs=1e-5)


def test_a_masked_model_reads_a_pair_as_two_segments_each_with_its_end(bert):
    bert.module.eval()
    first, second = bert.tokenizer.encode(["the nurse was tired", "she left"])
    (query,) = whole_texts(bert.tokenizer, [("the nurse was tired", "she left")], 128)
    assert query.ids == [
        bert.tokenizer.start_ids[0],
        *first,
        bert.tokenizer.end_id,
        *second,
        bert.tokenizer.end_id,
    ]
    segments = [0] * (len(first) + 2) + [1] * (len(second) + 1)
    with torch.no_grad():
        states = bert.module.base_model(
            torch.tensor([query.ids], device=bert.device),
            token_type_ids=torch.tensor([segments], device=bert.device),
        ).last_hidden_state
    pooled = features(bert, [("the nurse was tired", "she left")], pooling="summary")
    assert pooled[0].cpu().numpy() == pytest.approx(states[0, 0].cpu().numpy(), abs=1e-5)
    assert (pooled != features(bert, [("the nurse was tired she left",)], pooling="summary")).any()


def test_the_longer_text_of_a_pair_that_is_too_long_is_cut_first(bert):
    long, short = "the nurse was tired " * 9, "she left"
    for texts, lengths in (
        ((long, short), (5, 2)),
        ((short, long), (2, 5)),
        ((long, long), (4, 3)),
    ):
        (query,) = whole_texts(bert.tokenizer, [texts], 7)
        ends = [t for t, token in enumerate(query.ids) if token == bert.tokenizer.end_id]
        assert (ends[0] - 1, ends[1] - ends[0] - 1) == lengths


def test_a_causal_model_reads_a_pair_as_two_lines(llama):
    (query,) = whole_texts(llama.tokenizer, [("the nurse was tired", "she left")], 128)
    assert query.ids == [
        llama.tokenizer.start_ids[0],
        *llama.tokenizer.encode(["the nurse was tired\nshe left"])[0],
    ]


def test_a_text_longer_than_the_positions_of_the_model_is_cut(model):
    (query,) = whole_texts(model.tokenizer, [("the wolf eats deer " * 99,)], 10**6)
    assert len(query.ids) == model.tokenizer.max_tokens
    assert features(model, [("the wolf eats deer " * 99,)], pooling="mean").isfinite().all()


def test_the_accuracy_is_that_of_scikit_learn(model):
    model.module.eval()
    train, test = labelled.split("miniature", 80, 80)
    x, y = (
        slow_states(model, [row.texts[0] for row in rows], "mean").cpu().numpy()
        for rows in (train, test)
    )
    centre, scale = x.mean(0), x.std(0)
    probe = LogisticRegression(max_iter=2000).fit(
        (x - centre) / scale, [row.label for row in train]
    )
    labels = probe.predict((y - centre) / scale)
    expected = np.mean([label == row.label for label, row in zip(labels, test, strict=True)])
    estimates = Probe(data="miniature", train=80, test=80).measure(model, {})
    assert estimates[ACCURACY].value == pytest.approx(expected, abs=1 / 80 + 1e-9)


def test_the_accuracy_falls_where_the_states_lose_the_words(model):
    intact = estimate.values(Probe(data="miniature").measure(model, {}))[ACCURACY]
    with torch.no_grad():
        model.module.get_input_embeddings().weight.zero_()  # all words are equal
    lost = estimate.values(Probe(data="miniature").measure(model, {}))[ACCURACY]
    assert intact > 0.9
    assert lost < 0.65
