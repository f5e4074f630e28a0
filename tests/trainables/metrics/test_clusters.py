"""Errors of means over few clusters, by hand and against the matrices of their definition."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from trainables.metrics import clusters
from trainables.metrics.estimate import Items, mean


def by_matrices(outcomes, weights, labels):
    """Return (variance, degrees of freedom) of a weighted mean, as CR2 and Bell & McCaffrey define them.

    A regression on a constant, in the coordinates in which weights are 1, of items that are independent.
    """
    root = np.sqrt(np.asarray(weights, float))
    y, x, total = root * outcomes, root, root @ root
    hat = np.outer(x, x) / total
    rest = np.eye(len(y)) - hat
    columns = []
    for label in dict.fromkeys(labels):
        own = np.flatnonzero([one == label for one in labels])
        values, vectors = np.linalg.eigh(np.eye(len(own)) - hat[np.ix_(own, own)])
        inverse_root = vectors @ np.diag(values**-0.5) @ vectors.T
        columns.append(rest[:, own] @ inverse_root @ x[own] / total)
    g = np.array(columns).T
    m = g.T @ np.diag(weights) @ g
    return float(((g.T @ y) ** 2).sum()), np.trace(m) ** 2 / np.trace(m @ m)


def by_fractions(weights):
    """Return the degrees of freedom, without rounding, of clusters that are one item each."""
    h = [Fraction(weight, sum(weights)) for weight in weights]
    g_squared = [share**2 / (1 - share) for share in h]
    s = sum(share**2 for share in h)
    places = range(len(h))
    m = [[int(c == d) - h[c] - h[d] + s for d in places] for c in places]
    trace = sum(g_squared[c] * m[c][c] for c in places)
    return float(
        trace**2 / sum(g_squared[c] * g_squared[d] * m[c][d] ** 2 for c in places for d in places)
    )


def test_a_weighted_mean_worked_out_by_hand():
    # Shares 1/2, 1/4, 1/4 and mean 3: 1/4 · 9 / (1/2) + 1/16 · 1 / (3/4) + 1/16 · 25 / (3/4)
    measured = mean([0, 4, 8], Items.of("abc"), [2, 1, 1])
    assert measured.value == 3
    assert measured.se == pytest.approx(math.sqrt(9 / 2 + 1 / 12 + 25 / 12))


LABELS = "aaabbbbbbccde" * 2


@pytest.mark.parametrize("seed", range(3))
def test_the_error_and_its_degrees_of_freedom_are_those_of_the_matrices(seed):
    rng = np.random.default_rng(seed)
    outcomes, weights = rng.normal(size=26), rng.gamma(2, size=26)
    measured = mean(outcomes, Items.of(range(26), LABELS), weights)
    variance, df = by_matrices(outcomes, weights, LABELS)
    assert measured.spread == pytest.approx(math.sqrt(variance))
    assert measured.df == pytest.approx(df)
    assert 1 < measured.df < 4


def test_clusters_of_equal_weight_have_a_degree_of_freedom_less_than_there_are():
    for num in (2, 3, 10, 5000):
        labels = np.arange(3 * num) // 3
        assert mean(np.arange(3.0 * num), Items.of(labels, labels)).df == pytest.approx(num - 1)


def test_one_large_cluster_among_many_small_ones_leaves_few_degrees_of_freedom():
    measured = mean(np.arange(40.0), Items.of(range(40)), [400.0, *[1.0] * 39])
    assert 1 <= measured.df < 1.2


@given(st.lists(st.floats(0.01, 100), min_size=2, max_size=30))
@example([82.67, 0.01])
@example([1e9, 1.0, 1.0])
def test_there_are_never_more_degrees_of_freedom_than_clusters_less_one(weights):
    df = clusters.degrees_of_freedom(np.array(weights), np.arange(len(weights)))
    assert 1 <= df <= len(weights) - 1


@pytest.mark.parametrize("large", [1e2, 1e6, 1e9])
def test_a_cluster_of_almost_all_weight_leaves_the_degrees_of_freedom_of_the_formula(large):
    weights = [int(large), 1, 2, 2]
    df = clusters.degrees_of_freedom(np.array(weights, float), np.arange(4))
    assert df == pytest.approx(by_fractions(weights), rel=1e-9)


@pytest.mark.parametrize("weights", [[1.0, 0.0], [5.0, 0.0]])
def test_a_cluster_with_all_the_weight_has_no_error(weights):
    measured = mean([1.0, 2.0], Items.of("ab"), weights)
    assert (measured.value, measured.df, measured.se) == (1.0, 0.0, None)


def test_clusters_without_weight_do_not_count():
    counted = mean([1.0, 2.0, 4.0], Items.of("abc"))
    padded = mean([1.0, 2.0, 4.0, 9.0, 9.0], Items.of("abcde"), [1, 1, 1, 0, 0])
    assert (padded.value, padded.se, padded.df) == (counted.value, counted.se, counted.df)


def test_variances_of_unequal_size_have_the_degrees_of_freedom_of_the_larger():
    assert clusters.welch_satterthwaite([(1.0, 4.0), (1e-9, 1000.0)]) == pytest.approx(4)
    # (1 + 2)² / (1 / 4 + 4 / 8)
    assert clusters.welch_satterthwaite([(1.0, 4.0), (2.0, 8.0)]) == pytest.approx(12)
    assert clusters.welch_satterthwaite([(1.0, 4.0), (2.0, math.inf)]) == pytest.approx(36)
    assert clusters.welch_satterthwaite([(1.0, 0.0), (2.0, 8.0)]) == 0
    assert clusters.welch_satterthwaite([(0.0, 3.0), (0.0, 8.0)]) == 3
    assert clusters.welch_satterthwaite([(1.0, math.inf)]) == math.inf


def answers(*clusters_of_outcomes):
    """The estimate of the share of right answers, given those of each cluster."""
    labels = [n for n, outcomes in enumerate(clusters_of_outcomes) for _ in outcomes]
    outcomes = [float(x) for outcomes in clusters_of_outcomes for x in outcomes]
    return mean(outcomes, Items.of(range(len(labels)), labels), of_decisions=True)


def test_decisions_have_a_degree_of_freedom_less_than_the_clusters_that_hold_the_rarer_one():
    # Of ten clusters the wrong answers lie in one, in two and in four.
    one = answers([1, 0, 0, 1], *[[1] * 4] * 9)
    assert (one.df, one.se) == (0, None)
    two = answers([1, 0], [1, 0], *[[1] * 2] * 8)
    assert (two.df, two.se) == (pytest.approx(1), None)
    four = answers(*[[1, 0]] * 4, *[[1, 1]] * 6)
    assert four.df == pytest.approx(3)
    assert four.se == pytest.approx(math.sqrt(10 / 9 * (4 * 0.3**2 + 6 * 0.2**2)) / 10)
    # One wrong answer in each of two, and two in a third: (1 + 1 + 2)² / (1 + 1 + 4)
    unequal = answers([1, 1, 0], [1, 1, 0], [1, 0, 0], *[[1] * 3] * 7)
    assert unequal.df == pytest.approx(16 / 6 - 1)


def test_decisions_that_all_clusters_hold_have_the_degrees_of_freedom_of_the_clusters():
    assert answers(*[[1, 0, 0, 1]] * 5, [1, 0, 0, 0]).df == pytest.approx(5, abs=0.5)


def test_right_and_wrong_answers_are_alike():
    given_up = [[1, 0, 0], [1, 1, 0], [1, 0, 0], *[[0] * 3] * 7]
    turned = [[1 - x for x in outcomes] for outcomes in given_up]
    assert answers(*given_up).df == pytest.approx(answers(*turned).df)
    assert answers(*given_up).se == pytest.approx(answers(*turned).se)


def test_decisions_on_items_that_stand_alone_have_the_degrees_of_freedom_of_the_items():
    measured = mean([1.0] * 37 + [0.0] * 3, Items.of(range(40)), of_decisions=True)
    assert measured.df == pytest.approx(39)
    assert measured.se == pytest.approx(math.sqrt(0.075 * 0.925 / 39))


@pytest.mark.parametrize("num_wrong", [1, 2])
def test_one_or_two_wrong_answers_of_many_are_too_few_to_tell(num_wrong):
    wrong = [0.0] * (200 - num_wrong) + [1.0] * num_wrong
    for outcomes in (wrong, [1 - x for x in wrong]):
        assert mean(outcomes, Items.of(range(200)), of_decisions=True).se is None
        assert mean(outcomes, Items.of(range(200))).se > 0, "of numbers that happen to be 0 and 1"


def test_clusters_that_are_alike_by_chance_are_no_surer_than_their_items():
    """Four terms of 24 items whose shares differ by one item: t alone would say 51.0 ± 3.3."""
    terms = [[1] * right + [0] * (24 - right) for right in (12, 12, 12, 13)]
    measured = answers(*terms)
    share = 49 / 96
    of_items = math.sqrt(share * (1 - share) / 96)
    assert measured.se < of_items
    half = 100 * stats.t.ppf(0.975, measured.df) * measured.se
    assert half == pytest.approx(100 * stats.norm.ppf(0.95) * of_items, rel=0.01)
    assert half > 8


def test_of_three_clusters_the_error_of_a_share_is_not_known():
    """Those that agree by chance would have too small an error, and nothing says which do."""
    terms = [[1] * right + [0] * (24 - right) for right in (9, 12, 15)]
    assert answers(*terms).se is None
    assert answers(*terms, [1, 0] * 12).se > 0
    assert mean([9.0, 12.0, 15.0], Items.of("abc")).se > 0, "of numbers it is"
