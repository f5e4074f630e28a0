"""Intervals hold the true value as often as they say: the simulation of docs/noise.md in short.

Bounds are 95 % ± 4.5 standard errors of a share of 500, and more than 98 % where counts are whole numbers.
"""

import pytest

from tests.benchmarks.coverage import coverage, decisions, general_text, seat, terms

pytestmark = pytest.mark.timeout(120)
REPETITIONS = 500


@pytest.mark.parametrize("num_clusters", [4, 10])
def test_the_intervals_of_means_over_terms_hold_the_true_value(num_clusters):
    def draw(rng, num, alike):
        return terms(rng, num, alike, ss=0.6)

    found = coverage(draw, num_clusters, 0.05, REPETITIONS)
    for name in ("ss", "gap", "icat"):
        assert 0.92 <= found[f"{name}, SS 60"].held <= 0.99, name
        assert found[f"{name}, SS 60"].unknown < 0.1, name


@pytest.mark.parametrize("num_clusters", [3, 5, 10])
@pytest.mark.parametrize("alike", [0.0, 0.7])
def test_the_intervals_of_general_text_hold_the_true_value(num_clusters, alike):
    for name, (held, _) in coverage(general_text, num_clusters, alike, REPETITIONS).items():
        assert 0.915 <= held <= 0.99, name


def test_the_intervals_of_effect_sizes_and_of_paired_decisions_hold_the_true_value():
    for draw in (seat, decisions):
        for name, (held, unknown) in coverage(draw, 5, 0.2, 300).items():
            assert 0.91 <= held <= 0.99, name
            assert unknown < 0.05, name


def test_a_normal_quantile_would_hold_it_too_rarely(monkeypatch):
    """So the test above can fail."""
    monkeypatch.setattr("trainables.metrics.interval.quantile", lambda *_: 1.96)
    monkeypatch.setattr("trainables.metrics.estimate.quantile", lambda *_: 1.96)
    found = coverage(general_text, 3, 0.7, REPETITIONS)
    assert found["NLL"].held < 0.85


def test_a_share_of_decisions_that_few_clusters_hold_is_not_claimed_to_be_known():
    def draw(rng, num, alike):
        return terms(rng, num, alike, ss=0.6)

    assert coverage(draw, 3, 0.0, 20)["ss, SS 60"].unknown == 1
    few, many = (coverage(draw, num, 0.7, 100)["lms, SS 60"] for num in (5, 40))
    assert few.unknown > 0.9
    assert many.unknown < 0.3
