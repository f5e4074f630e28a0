"""Results item by item, read back from a real record."""

import pytest

from analysis.record.items import read_items
from analysis.record.sweep import Candidate
from tests.analysis.conftest import ACCURACY, GAP, RIGHT, RISE, TERMS

pytestmark = pytest.mark.timeout(120)  # whichever test is the first makes the store


def test_each_item_of_each_metric_is_a_row_with_its_outcome_and_cluster(with_items):
    rows = read_items(with_items, Candidate(3))
    assert rows["metric"].value_counts().to_dict() == {
        ACCURACY.name: 60,
        GAP.name: 60,
        RISE.name: 40,
    }
    accuracy = rows[rows["metric"] == ACCURACY.name]
    assert accuracy["outcome"].tolist() == RIGHT[3][:60].astype(float).tolist()
    assert accuracy["value"].to_numpy() == pytest.approx(RIGHT[3][:60].mean())
    assert rows[rows["metric"] == GAP.name]["cluster"].tolist() == TERMS[:60]


def test_the_items_of_the_base_model_are_those_of_the_sweeps_own_run(with_items):
    base, first = read_items(with_items, None), read_items(with_items, Candidate(1))
    assert base.equals(first), "as they were recorded"


def test_a_trial_without_items_is_one_clear_sentence(with_items):
    with pytest.raises(ValueError, match="has no items of trial 7: only a model that was measured"):
        read_items(with_items, Candidate(7))
    with pytest.raises(ValueError, match="has no trial 99"):
        read_items(with_items, Candidate(99))
