"""No regulariser."""

from tests.conformance import perturb, text_batch
from trainables.regularisers import NoRegulariser


def test_it_adds_nothing_however_far_the_model_is(model):
    perturb(model, 1.0)
    texts = text_batch(model)
    assert NoRegulariser().loss(model, texts, model.logits(texts)) == 0.0
