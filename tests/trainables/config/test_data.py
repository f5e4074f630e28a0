"""Alignment and replay data of a trial."""

import pytest
from pydantic import ValidationError

from tests.trainables.config.trees import TREE
from trainables.config import TrialConfig


@pytest.mark.parametrize(
    ("alignment", "sentence"),
    [
        (
            {"data": "winobias", "swap": "bias_bench"},
            "left out for winobias, whose pairs are given",
        ),
        (
            {"data": "miniature", "words": "race"},
            "but got improved and race: they are for bug, bug_",
        ),
        ({"data": "bug", "words": "religion"}, "words must be gender for bug, which tells"),
        ({"data": "bug", "swap": "none"}, "'improved' or 'bias_bench'"),
        ({"data": "bug", "seed": -1}, "greater than or equal to 0"),
    ],
)
def test_twins_are_made_only_where_none_are_given(alignment, sentence):
    with pytest.raises(ValidationError, match=sentence):
        TrialConfig.model_validate(TREE | {"alignment": alignment})


@pytest.mark.parametrize("data", ["bug_full", "mine.txt", "mine.csv"])
def test_the_rule_that_makes_twins_may_be_chosen_where_none_are_given(data):
    alignment = {"data": data, "swap": "bias_bench", "words": "gender"}
    assert (
        TrialConfig.model_validate(TREE | {"alignment": alignment}).alignment.swap == "bias_bench"
    )
