"""Further α of a trial, and the metrics at each."""

import pytest
from pydantic import ValidationError

from tests.trainables.config.trees import config


def test_further_alphas_that_cannot_be_told_apart_are_refused_in_one_sentence():
    with pytest.raises(
        ValidationError, match=r"must hold different numbers .*, but got 0\.5, 0\.5"
    ):
        config(fusion={"also": [0.5, 0.5]})
    own = config(fusion={"alpha": 0.5, "also": [0.25, 0.5]}).fusion
    assert own.also == (0.25, 0.5), "alpha may be searched through what is measured anyway"


def test_each_further_alpha_declares_all_that_is_measured_of_weights_and_no_cost():
    plain = config(evaluators=["perplexity", "stereoset"]).metrics()
    fused = config(evaluators=["perplexity", "stereoset"], fusion={"also": [0, 0.25]}).metrics()
    assert fused[: len(plain) - 1] == plain[:-1]
    assert fused[-1] == plain[-1]
    assert fused[-1].name == "cost/replay/shortfall"
    more = [metric.name for metric in fused[len(plain) - 1 : -1]]
    assert more == [
        f"fusion/{alpha}/{metric.name}" for alpha in ("0", "0.25") for metric in plain[:-1]
    ]
    assert "fusion/0.25/forgetting/guard/degenerate" in more
