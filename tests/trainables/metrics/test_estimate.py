"""Standard errors, by hand and against plain resampling."""

import math

import numpy as np
import pytest
from scipy import stats

from trainables.metrics import estimate
from trainables.metrics.estimate import Estimate, Items, delta_method, distance, mean


def test_a_mean_and_its_error_worked_out_by_hand():
    measured = mean([1, 2, 3, 6], Items.of("abcd"))
    assert measured.value == 3
    assert measured.se == pytest.approx(math.sqrt((4 + 1 + 0 + 9) / 3 / 4))  # s / √n


def test_the_error_of_a_mean_is_that_of_scipy():
    values = np.random.default_rng(0).normal(size=50)
    assert mean(values, Items.of(range(50))).se == pytest.approx(stats.sem(values))


def test_a_proportion_has_the_binomial_error_with_n_less_1():
    measured = mean([1] * 30 + [0] * 70, Items.of(range(100)))
    assert measured.se == pytest.approx(math.sqrt(0.3 * 0.7 / 99))


def test_items_drawn_together_count_as_one():
    """Each item twice, in pairs: no surer than each once."""
    once = mean([1, 2, 3, 6], Items.of("abcd"))
    twice = mean([1, 1, 2, 2, 3, 3, 6, 6], Items.of(range(8), "aabbccdd"))
    assert twice.value == once.value
    assert twice.se == pytest.approx(once.se)
    assert mean([1, 1, 2, 2, 3, 3, 6, 6], Items.of(range(8))).se < twice.se


def test_a_mean_over_terms_has_the_error_of_as_many_terms():
    # nurse: 1/2; cook: 1; pilot: 0, so the values are those of three terms.
    items = Items.of(range(4), ["nurse", "nurse", "cook", "pilot"])
    measured = mean([1, 0, 1, 0], items, [1 / 2, 1 / 2, 1, 1])
    assert measured.value == 0.5
    assert measured.spread == pytest.approx(stats.sem([0.5, 1.0, 0.0]))


def test_an_error_does_not_change_with_a_weight_that_all_items_share():
    light, heavy = (mean([1, 2, 4], Items.of("abc"), [w] * 3) for w in (1, 100))
    assert light.se == pytest.approx(heavy.se)
    assert light.value == heavy.value


def test_the_influences_of_a_plain_mean_sum_to_0():
    measured = mean([1, 2, 4, 8], Items.of("abcd"))
    assert measured.influences_I.sum() == pytest.approx(0)


def test_the_delta_method_is_the_bootstrap_for_smooth_functions():
    rng = np.random.default_rng(0)
    x, y = rng.normal(2, 0.5, 200), rng.normal(3, 0.5, 200)
    items = Items.of(range(200))
    one, other = mean(x, items), mean(y, items)
    ratio = delta_method(
        one.value / other.value,
        (1 / other.value, one),
        (-one.value / other.value**2, other),
    )
    drawn = rng.integers(0, 200, (4000, 200))
    expected = (x[drawn].mean(1) / y[drawn].mean(1)).std()
    assert ratio.se == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(("outcomes", "value"), [([1, 1, 1, 0], 25), ([0, 0, 0, 1], 25)])
def test_a_distance_has_the_error_of_the_estimate_that_it_is_made_of(outcomes, value):
    ss = mean([100 * x for x in outcomes], Items.of("abcd"))
    gap = distance(ss, 50)
    assert gap.value == value
    assert gap.se == pytest.approx(ss.se)


def test_a_single_cluster_has_no_error():
    assert (Estimate(1.0).se, Estimate(1.0).df) == (None, math.inf)
    measured = mean([2.0, 3.0], Items.of("ab", ["same", "same"]))
    assert (measured.se, measured.df) == (None, 0)


def test_two_clusters_have_no_error_and_three_have():
    labels = ["a", "a", "b", "b"]
    assert mean([1, 2, 4, 7], Items.of(range(4), labels)).se is None
    assert mean([1, 2, 4, 7, 9], Items.of(range(5), [*labels, "c"])).se > 0


@pytest.mark.parametrize("outcome", [100.0, 0.1, -7.3])
def test_the_mean_of_equal_outcomes_is_that_outcome_to_the_bit_and_has_no_error(outcome):
    measured = mean([outcome] * 30, Items.of(range(30)), [1 / (3 + n % 7) for n in range(30)])
    assert measured.value == outcome
    assert measured.se is None


def test_no_items_are_one_clear_sentence():
    with pytest.raises(ValueError, match="there are no items to measure"):
        mean([], Items.of(""))


def test_an_estimate_that_is_nan_has_no_error():
    measured = {
        "a": mean([1.0, math.nan, 2.0], Items.of("abc")),
        "b": mean([1.0, 2.0, 3.0], Items.of("abc")),
    }
    assert estimate.errors(measured) == {"b": pytest.approx(math.sqrt(1 / 3))}
    assert estimate.degrees_of_freedom(measured) == {"b": 2.0}
    assert math.isnan(estimate.values(measured)["a"])


def test_an_error_has_degrees_of_freedom_and_an_unknown_one_has_none():
    measured = {
        "few": mean([1.0, 2.0, 4.0], Items.of("abc")),
        "many": mean(range(101), Items.of(range(101))),
        "all alike": mean([1.0] * 200, Items.of(range(200))),
        "one cluster": mean([1.0, 2.0], Items.of("ab", "cc")),
        "exact": Estimate(3.0),
    }
    assert estimate.degrees_of_freedom(measured) == {
        "few": 2.0,
        "many": 100.0,
        "all alike": 0.0,
        "one cluster": 0.0,
    }
    assert list(estimate.errors(measured)) == ["few", "many"]


def test_a_function_of_estimates_on_the_same_items_has_their_degrees_of_freedom():
    items = Items.of("abcd")
    sure, unsure = mean([1, 2, 3, 5], items), mean([1, 2, 3, 5], items, [100, 1, 1, 1])
    assert delta_method(0.0, (1.0, sure), (-2.0, sure)).df == pytest.approx(3)
    assert unsure.df < delta_method(0.0, (1.0, sure), (1.0, unsure)).df < 3
    assert delta_method(0.0, (1.0, sure), (1e-9, unsure)).df == pytest.approx(3)


def test_a_difference_on_different_items_has_the_error_and_df_of_welch():
    rng = np.random.default_rng(0)
    x, y = rng.normal(0, 3, 8), rng.normal(0, 1, 30)
    one, other = mean(x, Items.of(range(8))), mean(y, Items.of(range(30)))
    difference = delta_method(one.value - other.value, (1.0, one), (-1.0, other))
    welch = stats.ttest_ind(x, y, equal_var=False)
    assert difference.value / difference.se == pytest.approx(welch.statistic)
    assert difference.df == pytest.approx(welch.df)


def test_a_difference_is_not_known_if_one_side_is_not():
    one, alike = mean([1.0, 2.0, 4.0], Items.of("abc")), mean([1.0] * 9, Items.of(range(9)))
    assert delta_method(0.0, (1.0, one), (-1.0, alike)).se is None


@pytest.mark.parametrize(
    "outcomes", [[1, 0, 1, 1, 0, 1], [1] * 6, [0.0, 0.5, 1, 0, 0, 0], range(6)]
)
def test_outcomes_are_decisions_if_what_measures_them_says_so_whatever_they_are(outcomes):
    items = Items.of(range(6))
    assert mean(outcomes, items, of_decisions=True).is_of_decisions
    assert not mean(outcomes, items).is_of_decisions


def test_what_follows_from_decisions_alone_is_made_of_decisions():
    items = Items.of(range(6))
    right, nll = mean([1, 0, 0, 0, 1, 1], items, of_decisions=True), mean(range(6), items)
    assert delta_method(0.0, (1.0, right), (-2.0, right)).is_of_decisions
    assert not delta_method(0.0, (1.0, right), (-2.0, nll)).is_of_decisions
