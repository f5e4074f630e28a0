"""Features of whole texts, against the hidden states of transformers.

How texts and pairs are read is tested with the probe, tests/trainables/evaluators/test_probe.py, and for
each family in tests/trainables/test_families.py.
"""

import pytest
import torch

from trainables.scoring.features import features, whole_texts

TEXTS = [("the nurse said that she was tired",), ("the wolf eats deer",)]


def states_of(model, text):
    """Return the last hidden states of one text, read alone: shape TD."""
    (query,) = whole_texts(model.tokenizer, [text], 128)
    ids = torch.tensor([query.ids], device=model.device)
    with torch.no_grad():
        return model.module.base_model(input_ids=ids).last_hidden_state[0].cpu()


def test_the_summary_is_the_state_of_cls_or_of_the_last_token(model):
    model.module.eval()
    place = {"masked": 0, "causal": -1}[model.family]
    expected = torch.stack([states_of(model, text)[place] for text in TEXTS])
    assert torch.allclose(features(model, TEXTS, pooling="summary"), expected, atol=1e-4)


def test_the_mean_leaves_out_the_start_token_of_a_causal_model(model):
    model.module.eval()
    first = {"masked": 0, "causal": 1}[model.family]
    expected = torch.stack([states_of(model, text)[first:].mean(0) for text in TEXTS])
    assert torch.allclose(features(model, TEXTS, pooling="mean"), expected, atol=1e-4)


def test_without_the_start_token_every_token_counts(llama):
    llama.module.eval()
    rows = [torch.tensor(llama.tokenizer.encode(text), device=llama.device) for text in TEXTS]
    with torch.no_grad():
        states = [llama.module.base_model(ids).last_hidden_state[0].cpu() for ids in rows]
    expected = torch.stack([states_TD.mean(0) for states_TD in states])
    actual = features(llama, TEXTS, pooling="mean", start=False)
    assert torch.allclose(actual, expected, atol=1e-4)
    summary = features(llama, TEXTS, pooling="summary", start=False)
    assert torch.allclose(summary, torch.stack([states_TD[-1] for states_TD in states]), atol=1e-4)


@pytest.mark.parametrize("pooling", ["summary", "mean"])
def test_a_text_has_the_same_features_alone_as_among_others(pooling, model):
    together = features(model, TEXTS, pooling=pooling)
    alone = torch.cat([features(model, [text], pooling=pooling) for text in TEXTS])
    assert torch.allclose(together, alone, atol=1e-5)
    assert not together.requires_grad
