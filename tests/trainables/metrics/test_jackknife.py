"""Errors by leaving out clusters, against formulas and scipy."""

import math

import numpy as np
import pytest
from scipy import stats

from trainables.metrics.estimate import Items, mean
from trainables.metrics.jackknife import jackknife


def test_the_jackknife_of_a_mean_is_the_mean():
    values = np.random.default_rng(0).normal(size=30)
    items = Items.of(range(30))
    measured = jackknife(lambda places: float(values[list(places)].mean()), items)
    assert measured.value == pytest.approx(values.mean())
    assert measured.influences_I == pytest.approx(mean(values, items).influences_I)


def test_the_jackknife_leaves_out_whole_clusters():
    values, labels = np.array([1.0, 5.0, 2.0, 8.0, 4.0, 4.5]), "aabbcc"
    items = Items.of(range(6), labels)
    measured = jackknife(lambda places: float(values[list(places)].mean()), items)
    expected = mean(values, items)
    assert (measured.se, measured.df) == (pytest.approx(expected.se), pytest.approx(2))


def test_the_jackknife_of_a_difference_of_two_samples_is_a_little_more_careful_than_welch():
    rng = np.random.default_rng(0)
    x, y = rng.normal(0, 3, 5), rng.normal(0, 1, 9)
    both = np.concatenate([x, y])

    def difference(places):
        places = np.array(places)
        return float(both[places[places < 5]].mean() - both[places[places >= 5]].mean())

    measured = jackknife(difference, Items.of(range(14)), ["x"] * 5 + ["y"] * 9)
    # Without x_i the mean of x moves by (x_i − mean) / 4, and that of y by (y_i − mean) / 8.
    squares = ((x - x.mean()) ** 2).sum() / 16 + ((y - y.mean()) ** 2).sum() / 64
    assert measured.se == pytest.approx(math.sqrt(13 / 14 * squares))
    welch = stats.ttest_ind(x, y, equal_var=False)
    assert (
        abs(measured.value / welch.statistic) < measured.se < 1.2 * measured.value / welch.statistic
    )
    assert measured.df == 4 < welch.df


def test_a_sample_of_a_single_cluster_leaves_the_error_unknown():
    values = np.array([1.0, 2.0, 4.0, 9.0])
    items = Items.of(range(4))
    measured = jackknife(lambda places: float(values[list(places)].mean()), items, "xxxy")
    assert (measured.df, measured.se) == (0, None)


def test_the_jackknife_of_a_correlation_is_near_its_known_error():
    rng = np.random.default_rng(1)
    x = rng.normal(size=400)
    y = 0.6 * x + 0.8 * rng.normal(size=400)
    measured = jackknife(
        lambda places: float(np.corrcoef(x[list(places)], y[list(places)])[0, 1]),
        Items.of(range(400)),
    )
    assert measured.se == pytest.approx((1 - measured.value**2) / math.sqrt(399), rel=0.15)
