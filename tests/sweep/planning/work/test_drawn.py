"""Trials as a search would draw them."""

from collections import Counter

from sweep.planning.work.drawn import NUM_DRAWN, drawn_trials
from tests.sweep.planning.conftest import shipped


def test_a_space_is_drawn_from_evenly_and_the_same_each_time():
    spec = shipped("smollm2")
    drawn = drawn_trials(spec)
    assert len(drawn) == NUM_DRAWN
    assert drawn == drawn_trials(spec)
    counts = Counter(trial.objective.name for trial in drawn)
    assert counts.keys() == {"none", "cda", "counterfactual_js", "likelihood_gap"}
    assert min(counts.values()) > NUM_DRAWN / 8
    assert all(1e-5 <= trial.train.lr <= 1e-4 for trial in drawn)


def test_a_grid_is_drawn_point_by_point():
    drawn = drawn_trials(shipped("published/desired_distribution"))
    assert len({trial.fingerprint() + str(trial.seed) for trial in drawn}) == 35


def test_a_large_grid_is_drawn_at_even_distances():
    assert len(drawn_trials(shipped("published/recadam"), num=7)) == 7
    assert len(drawn_trials(shipped("menu"))) <= NUM_DRAWN
