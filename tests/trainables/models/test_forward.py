"""One forward, with the vocabulary head at the predicted places alone."""

import pytest
import torch
from torch.nn.functional import log_softmax

from trainables.data.queries import Query
from trainables.models.forward import logits_of, predict, token_nll


@pytest.fixture
def texts(model):
    """Return a batch of two rows, one of them padded, with three targets."""
    return model.batch([Query([5, 6, 7], {0: 6, 2: 9}), Query([8, 4], {1: 9})])


def test_the_nll_of_tokens_is_their_log_softmax_with_the_sign_turned(llama):
    texts = llama.batch([Query([5, 6, 7], {0: 6, 2: 9}), Query([8], {0: 9})])
    logits = torch.randn(3, llama.tokenizer.vocab_size, generator=torch.Generator().manual_seed(0))
    log_p = log_softmax(logits.double(), -1)
    expected = [-log_p[0, 6], -log_p[1, 9], -log_p[2, 9]]
    logits = logits.to(llama.device)
    assert token_nll(logits, texts).tolist() == pytest.approx([float(x) for x in expected])
    assert token_nll(logits.bfloat16(), texts).dtype == torch.float32


def test_logits_are_those_of_the_whole_forward_at_the_places_in_reading_order(model, texts):
    with torch.no_grad():
        actual = logits_of(model.module.eval(), texts)
        whole = model.module(**texts.inputs).logits
    assert torch.allclose(actual, whole[[0, 0, 1], [0, 2, 1]], atol=1e-5)


def test_places_may_be_any_in_any_order_and_repeated(model, texts):
    with torch.no_grad():
        whole = model.module.eval()(**texts.inputs).logits
        output = predict(model.module, torch.tensor([4, 0, 4], device=model.device), texts.inputs)
    assert torch.allclose(output.logits_NV, whole[[1, 0, 1], [1, 0, 1]], atol=1e-5)
    assert output.states_ND.shape == (3, model.module.config.hidden_size)


def test_the_head_applied_to_the_states_gives_the_logits(llama):
    texts = llama.batch([Query([5, 6, 7], {0: 6, 2: 9})])
    with torch.no_grad():
        output = predict(llama.module.eval(), texts.places_N, texts.inputs)
        assert torch.equal(llama.module.lm_head(output.states_ND), output.logits_NV)


def test_hidden_states_are_returned_on_request_alone(model, texts):
    with torch.no_grad():
        assert predict(model.module, texts.places_N, texts.inputs).hidden == ()
        hidden = predict(model.module, texts.places_N, texts.inputs, hidden=True).hidden
    assert [tuple(layer.shape) for layer in hidden] == [(2, 3, 64)] * 3


def test_the_head_is_as_before_even_after_a_forward_that_failed(model, texts):
    head = model.module.get_output_embeddings()
    broken = texts.inputs | {"input_ids": texts.ids_BT.float()}  # ids are whole numbers
    with pytest.raises(RuntimeError, match="indices"):
        predict(model.module, texts.places_N, broken)
    assert not head._forward_pre_hooks
