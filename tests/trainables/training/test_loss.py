"""The loss of one micro-batch of a step."""

import pytest
import torch

from tests.conformance import perturb
from trainables.models.joint_forward import PairPredictions, predict_jointly
from trainables.training.loss import loss
from trainables.training.stream import Stream

GAP = {"objective": {"name": "likelihood_gap", "weight": 10.0}}
EVERYTHING = GAP | {
    "regulariser": {"name": "l2_to_base", "weight": 0.01},
    "replay": {"data": "miniature", "ratio": 0.25},
}
OWN_TEXTS = {"regulariser": {"name": "kl_to_base", "weight": 0.3, "data": "miniature", "texts": 4}}
TERMS = {"plain": {}, "gap": GAP, "everything": EVERYTHING, "own texts": EVERYTHING | OWN_TEXTS}


@pytest.mark.parametrize("changes", TERMS.values(), ids=TERMS)
def test_a_loss_is_the_sum_of_its_terms_each_read_alone(changes, configure, name, model):
    config = configure(name, **changes)
    (part,) = Stream(config, model).micro_batches(1)
    perturb(model, 0.01)

    def alone(queries):
        return predict_jointly(model, {"alone": queries})["alone"]

    texts = alone(part.texts)
    expected = config.regulariser.weight_loss(model) - texts.token_log_prob_N.mean()
    if part.pairs:
        sides = (alone([pair[side] for pair in part.pairs]) for side in (0, 1))
        expected = expected + config.objective.pair_loss(
            model, PairPredictions(*sides, torch.zeros(8))
        )
    held = alone(part.anchors) if part.anchors else texts
    expected = expected + config.regulariser.text_loss(model, held)
    actual = loss(config, model, part)
    assert actual.shape == ()
    assert actual.item() == pytest.approx(expected.item(), rel=1e-5)
    assert bool(part.pairs) == (changes != {})
    assert bool(part.anchors) == (changes == TERMS["own texts"])


@pytest.mark.parametrize("accumulation", [2, 4, 8])
@pytest.mark.parametrize(
    "regulariser", ["none", "l2_to_base", "kl_to_base", OWN_TEXTS["regulariser"]], ids=str
)
def test_the_losses_of_the_parts_sum_to_the_loss_of_the_step(
    regulariser, accumulation, configure, name, model
):
    changes = EVERYTHING | {"regulariser": regulariser}
    perturb(model, 0.01)

    def total(accumulation):
        config = configure(name, train={"accumulation": accumulation}, **changes)
        parts = Stream(config, model).micro_batches(1)
        return sum(loss(config, model, part).item() for part in parts)

    assert total(accumulation) == pytest.approx(total(1), rel=1e-5)
