"""Metrics with errors from results of items: numbers worked out by hand, and the harness's functions."""

import math
import random
from statistics import fmean, stdev

import pytest
from lm_eval.api import metrics

from trainables.harness.estimates import average, estimate, left_out
from trainables.metrics.estimate import Items, mean

RNG = random.Random(0)
NAMES = [str(n) for n in range(40)]
LABELS = [(RNG.randrange(2), RNG.randrange(2)) for _ in NAMES]
PARTS = [(-5 * RNG.random(), RNG.randrange(1, 9)) for _ in NAMES]


def test_a_mean_has_the_results_as_outcomes():
    results = [1.0, 0.5, 0.25, 0.75]
    measured = estimate(results, NAMES[:4], metrics.mean)
    assert measured.value == 0.625
    assert measured.outcomes_I.tolist() == results
    assert measured.se == pytest.approx(stdev(results) / 2)


def test_perplexity_is_e_to_the_mean_and_its_error_that_times_the_value():
    values = [-1.0, -2.0, -6.0]
    measured = estimate(values, NAMES[:3], metrics.perplexity)
    assert measured.value == pytest.approx(math.exp(3))
    assert measured.se == pytest.approx(math.exp(3) * stdev(values) / math.sqrt(3))


@pytest.mark.parametrize("function", [metrics.weighted_perplexity, metrics.bits_per_byte])
def test_a_rate_is_that_of_the_harness_and_its_error_that_of_the_jackknife(function):
    measured = estimate(PARTS, NAMES, function)
    assert measured.value == pytest.approx(function(PARTS), rel=1e-12)
    assert measured.se == pytest.approx(left_out(PARTS, NAMES, function).se, rel=0.1)


def test_an_empty_text_has_no_weight_and_does_not_stop_the_rest():
    parts = [(0.0, 0), *PARTS[1:]]
    measured = estimate(parts, NAMES, metrics.bits_per_byte)
    assert measured.value == pytest.approx(metrics.bits_per_byte(parts))


@pytest.mark.parametrize("function", [metrics.f1_score, metrics.matthews_corrcoef])
def test_the_error_of_other_metrics_is_near_that_of_the_bootstrap(function):
    measured = estimate(LABELS, NAMES, function)
    assert measured.value == pytest.approx(function(LABELS))
    rng = random.Random(1)
    redrawn = [function(rng.choices(LABELS, k=len(LABELS))) for _ in range(120)]
    assert measured.se == pytest.approx(stdev(redrawn), rel=0.25)


def test_leaving_out_single_items_gives_the_error_of_a_mean_exactly():
    values = [float(a) for a, _ in LABELS]
    measured = left_out(values, NAMES, fmean)
    expected = mean(values, Items.of(NAMES))
    assert measured.value == pytest.approx(expected.value)
    assert measured.influences_I == pytest.approx(expected.influences_I)


def test_many_items_are_left_out_in_parts_which_are_then_the_clusters():
    rng = random.Random(2)
    values = [rng.gauss(0, 1) for _ in range(1000)]
    measured = left_out(values, [str(n) for n in range(1000)], fmean)
    assert len(set(measured.items.clusters)) == 200
    assert measured.influences_I.sum() == pytest.approx(0, abs=1e-12)
    assert measured.se == pytest.approx(stdev(values) / math.sqrt(1000), rel=0.15)


def test_a_group_is_the_mean_of_its_tasks_by_size_or_equally():
    one = mean([1.0, 0.0, 1.0], Items.of(["one 0", "one 1", "one 2"]))
    two = mean([0.0], Items.of(["two 0"]))
    assert average([one, two], by_size=True).value == pytest.approx(2 / 4)
    assert average([one, two], by_size=False).value == pytest.approx((2 / 3 + 0) / 2)
    same = mean([1.0, 0.0, 1.0, 0.0], Items.of(["one 0", "one 1", "one 2", "two 0"]))
    whole = average([one, two], by_size=True)
    assert sorted(whole.items.names) == ["0 one 0", "0 one 1", "0 one 2", "1 two 0"]
    assert whole.value == same.value


def test_results_of_a_mean_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="the results of a metric that is a mean must be numbers"):
        estimate([(0, [1.0, 2.0])], NAMES[:1], metrics.mean)
