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

    @torch.no_grad()
    def alone(queries):
        return predict_jointly(model, {"alone": queries})["alone"]

    texts = alone(part.texts)
    expected = {"text_nll": -texts.token_log_prob_N.mean(), "objective": 0.0}
    if part.pairs:
        sides = (alone([pair[side] for pair in part.pairs]) for side in (0, 1))
        expected["objective"] = config.objective.pair_loss(
            model, PairPredictions(*sides, torch.zeros(8, device=model.device))
        )
    held = alone(part.anchors) if part.anchors else texts
    of_weights, of_texts = (
        config.regulariser.weight_loss(model),
        config.regulariser.text_loss(model, held),
    )
    expected["regulariser"] = of_weights + of_texts
    actual = loss(config, model, part)
    assert actual.total.shape == ()
    terms = {name: float(term) for name, term in expected.items()}
    assert {name: float(getattr(actual.detached(), name)) for name in terms} == pytest.approx(
        terms, rel=1e-5, abs=1e-6
    )
    assert actual.total.item() == pytest.approx(sum(terms.values()), rel=1e-5)
    has_regulariser = "regulariser" in changes
    assert (terms["objective"] > 0, terms["regulariser"] > 0) == (bool(changes), has_regulariser)
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
        return sum(loss(config, model, part).total.item() for part in parts)

    assert total(accumulation) == pytest.approx(total(1), rel=1e-5)
