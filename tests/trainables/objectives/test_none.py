"""Plain fine-tuning."""

import pytest

from trainables import trial
from trainables.objectives import NoObjective
from trainables.training.stream import Stream


def test_it_trains_on_texts_as_found():
    assert NoObjective().trains_on == ("original",)
    assert NoObjective().compares is None


def test_the_loss_of_a_step_is_the_mean_nll_of_its_originals(llama, oracle, configure):
    config = configure(alignment={"data": "miniature", "size": 8}, objective="none")
    stream = Stream(config, llama)
    (micro_batch,) = stream.micro_batches(0)
    log_probs = []
    for row in stream.pairs.table:
        original = "stereotype_ids" if row["original_is_stereotype"] else "antistereotype_ids"
        log_probs += oracle(llama).log_probs(row[original])
    expected = -sum(log_probs) / len(log_probs)
    assert trial.loss(config, llama, micro_batch).total.item() == pytest.approx(expected, rel=1e-4)
