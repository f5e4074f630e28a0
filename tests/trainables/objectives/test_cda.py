"""Counterfactual data augmentation."""

import pytest
import torch

from tests.conformance import pair_reading
from trainables import trial
from trainables.objectives import Cda, LikelihoodGap
from trainables.training.stream import Stream

SIDES = {"one": ("twin",), "two": ("original", "twin"), "anti": ("antistereotype",)}


@pytest.mark.parametrize(("sides", "learns"), SIDES.items())
def test_its_sides_say_what_is_learnt(sides, learns):
    assert Cda(sides=sides).trains_on == learns


def test_it_is_two_sided_unless_told_otherwise():
    assert Cda().sides == "two"


def whole_epoch(sides, llama, configure):
    """All sides of eight pairs as one step, so that its loss is that of the whole set."""
    config = configure(
        alignment={"data": "miniature", "size": 8},
        objective={"name": "cda", "sides": sides},
        train={"batch_size": 8 * len(SIDES[sides]), "steps": 1},
    )
    stream = Stream(config, llama)
    (part,) = stream.micro_batches(0)
    return config, stream, part


@pytest.mark.parametrize(("sides", "learns"), SIDES.items())
def test_the_loss_of_a_step_is_the_mean_nll_of_its_sides(sides, learns, llama, oracle, configure):
    config, stream, part = whole_epoch(sides, llama, configure)
    log_probs = []
    for row in stream.pairs.table:
        for side in learns:
            stereotype = (side == "original") == row["original_is_stereotype"]
            if side == "antistereotype":
                stereotype = False
            ids = row["stereotype_ids" if stereotype else "antistereotype_ids"]
            log_probs += oracle(llama).log_probs(ids)
    expected = -sum(log_probs) / len(log_probs)
    assert trial.loss(config, llama, part).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("sides", SIDES)
def test_a_small_step_brings_the_twins_nearer(sides, llama, configure):
    config, _, part = whole_epoch(sides, llama, configure)

    def gap():
        pairs = pair_reading(llama, LikelihoodGap())
        more, less = (
            side.log_likelihood("sentence").mean().item()
            for side in (pairs.stereotype, pairs.antistereotype)
        )
        return more - less

    before = gap()
    assert before > 0
    trial.loss(config, llama, part).backward()
    with torch.no_grad():
        for weight in llama.module.parameters():
            weight.sub_(1e-2 * weight.grad)
    assert gap() < before
