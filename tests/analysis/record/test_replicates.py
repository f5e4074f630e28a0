"""What the items of replicates say of their mean, by hand and against estimates of one model."""

import math

import numpy as np
import pytest

from analysis.record.replicates import OfItems, Spread, of_items, with_seeds
from trainables.metrics.estimate import Estimate, Items, mean

TERMS = Items.of(range(24), [f"term {n // 4}" for n in range(24)])


def test_what_items_say_is_that_worked_out_by_hand():
    # Sums of the influences by term are (1, −1, 0) and (3, −3, 0): their mean is (2, −2, 0). What is
    # left are (−1, 1, 0) and (1, −1, 0).
    items = Items.of("abcd", "xxyz")
    one = Estimate(5.0, items, None, np.array([0.5, 0.5, -1.0, 0.0]))
    other = Estimate(9.0, items, None, np.array([1.5, 1.5, -3.0, 0.0]))
    assert of_items([one, other]) == OfItems(pytest.approx(8.0), pytest.approx(4.0))


def test_replicates_that_do_the_same_are_as_sure_as_one_of_them():
    """Few clusters that are alike by chance included."""
    for spread in (0.0, 1.0):
        rng = np.random.default_rng(0)
        of_term = np.repeat(rng.normal(size=6) * spread, 4)
        noise = np.tile([1.0, -1.0, 2.0, -1.9], 6)
        one = mean(of_term + noise, TERMS)
        found = of_items([one, one, one])
        assert found == OfItems(pytest.approx(one.se**2), pytest.approx(0.0, abs=1e-20))


def test_items_that_each_seed_decides_anew_make_the_mean_surer():
    rng = np.random.default_rng(1)
    items = Items.of(range(4000))
    replicates = [mean(rng.normal(size=4000), items) for _ in range(4)]
    found = of_items(replicates)
    assert found.variance == pytest.approx(1 / 4000 / 4, rel=0.1)
    assert found.shared == pytest.approx(1 / 4000, rel=0.1), "all of s²"


def test_nothing_is_said_of_other_items_or_of_an_error_that_is_not_known():
    one = mean(np.arange(24.0), TERMS)
    others = Items.of(range(24), [f"term {n // 3}" for n in range(24)])
    assert of_items([one, mean(np.arange(24.0), others)]) is None
    assert of_items([one, mean(np.ones(24), TERMS)]) is None
    assert of_items([Estimate(1.0), Estimate(1.0)]) is None


def test_seeds_add_what_items_do_not_hold_and_no_less_than_nothing():
    seeds = Spread(6.0, 2.0, 2.0)
    variance, df = with_seeds(3.0, 9.0, [(seeds, 1 / 3)])
    assert variance == pytest.approx(3 + 4 / 3)
    assert df == pytest.approx(variance**2 / (3**2 / 9 + (6 / 3) ** 2 / 2))
    assert with_seeds(3.0, 9.0, [(Spread(2.0, 6.0, 2.0), 1 / 3)]) == (3.0, pytest.approx(9.0))
    assert with_seeds(0.0, math.inf, []) == (0.0, math.inf)
