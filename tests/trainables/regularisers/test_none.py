"""No regulariser."""

from tests.conformance import perturb, text_predictions
from trainables.regularisers import NoRegulariser


def test_it_adds_nothing_however_far_the_model_is(model):
    perturb(model, 1.0)
    assert NoRegulariser().weight_loss(model) == 0.0
    assert NoRegulariser().text_loss(model, text_predictions(model)) == 0.0
