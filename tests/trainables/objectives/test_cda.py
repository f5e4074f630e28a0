"""Counterfactual data augmentation."""

import pytest
import torch

from tests.conformance import pair_predictions
from trainables import trial
from trainables.objectives import Cda, LikelihoodGap
from trainables.training.stream import Stream

TRAINED_ON = {"one": ("twin",), "two": ("original", "twin"), "anti": ("antistereotype",)}


@pytest.mark.parametrize(("sides", "trained_on"), TRAINED_ON.items())
def test_its_sides_decide_the_texts_that_it_trains_on(sides, trained_on):
    assert Cda(sides=sides).trains_on == trained_on


def test_it_is_two_sided_by_default():
    assert Cda().sides == "two"


def whole_epoch(sides, llama, configure):
    """Return a configuration, its stream and one step: all sides of eight pairs, a whole set."""
    config = configure(
        alignment={"data": "miniature", "size": 8},
        objective={"name": "cda", "sides": sides},
        train={"batch_size": 8 * len(TRAINED_ON[sides]), "steps": 1},
    )
    stream = Stream(config, llama)
    (micro_batch,) = stream.micro_batches(0)
    return config, stream, micro_batch


@pytest.mark.parametrize(("sides", "trained_on"), TRAINED_ON.items())
def test_the_loss_of_a_step_is_the_mean_nll_of_its_sides(
    sides, trained_on, llama, oracle, configure
):
    config, stream, micro_batch = whole_epoch(sides, llama, configure)
    log_probs = []
    for row in stream.pairs.table:
        for side in trained_on:
            stereotype = (side == "original") == row["original_is_stereotype"]
            if side == "antistereotype":
                stereotype = False
            ids = row["stereotype_ids" if stereotype else "antistereotype_ids"]
            log_probs += oracle(llama).log_probs(ids)
    expected = -sum(log_probs) / len(log_probs)
    assert trial.loss(config, llama, micro_batch).total.item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("sides", TRAINED_ON)
def test_a_small_step_brings_the_twins_nearer(sides, llama, configure):
    config, _, micro_batch = whole_epoch(sides, llama, configure)

    def gap():
        pairs = pair_predictions(llama, LikelihoodGap())
        more, less = (
            side.log_likelihood("sentence").mean().item()
            for side in (pairs.stereotype, pairs.antistereotype)
        )
        return more - less

    before = gap()
    assert before > 0
    trial.loss(config, llama, micro_batch).total.backward()
    with torch.no_grad():
        for weight in llama.module.parameters():
            weight.sub_(1e-2 * weight.grad)
    assert gap() < before
