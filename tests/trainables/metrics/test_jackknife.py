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


def difference_of_means(both, num_x):
    """Return the statistic whose value is the mean of the first num_x less that of the others."""

    def difference(places):
        places = np.array(places)
        return float(both[places[places < num_x]].mean() - both[places[places >= num_x]].mean())

    return difference


@pytest.mark.parametrize(("num_x", "num_y"), [(3, 3), (5, 9), (40, 3)])
def test_the_variance_of_a_difference_of_two_means_is_the_sum_of_theirs(num_x, num_y):
    rng = np.random.default_rng(0)
    x, y = rng.normal(0, 3, num_x), rng.normal(9, 1, num_y)
    measured = jackknife(
        difference_of_means(np.concatenate([x, y]), num_x),
        Items.of(range(num_x + num_y)),
        ["x"] * num_x + ["y"] * num_y,
    )
    welch = stats.ttest_ind(x, y, equal_var=False)
    assert measured.se == pytest.approx(measured.value / welch.statistic)
    assert measured.se == pytest.approx(math.sqrt(x.var(ddof=1) / num_x + y.var(ddof=1) / num_y))
    assert measured.df == min(num_x, num_y) - 1
    assert measured.df < welch.df


def test_samples_whose_items_are_mixed_up_have_the_same_error():
    values = np.array([1.0, 5.0, 2.0, 8.0, 4.0, 4.5, 7.0])
    order = [4, 0, 6, 2, 5, 1, 3]
    items, labels = Items.of(range(7)), "xxxyyyy"
    sorted_out = jackknife(difference_of_means(values, 3), items, labels)
    mixed = jackknife(
        lambda places: difference_of_means(values, 3)([order[place] for place in places]),
        items,
        [labels[place] for place in order],
    )
    assert mixed.se == pytest.approx(sorted_out.se)
    assert mixed.influences_I == pytest.approx(sorted_out.influences_I[order])


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
