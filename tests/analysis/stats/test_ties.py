"""Which candidates their measurements tell apart."""

import math
from dataclasses import replace

import pytest

from analysis.stats.ties import is_noise, ties
from tests.analysis.conftest import GAP, RISE
from trainables.metrics.interval import quantile

pytestmark = pytest.mark.timeout(120)  # whichever test is the first makes the store


def measured(value, se=math.nan, df=math.nan):
    return {GAP.name: value, f"se/{GAP.name}": se, f"df/{GAP.name}": df}


def test_a_difference_is_noise_within_the_interval_of_two_unpaired_numbers():
    half = quantile(8.0) * math.sqrt(2)  # two equal variances of 4 degrees of freedom have 8
    for difference, noise in ((0.99 * half, True), (1.01 * half, False)):
        one, other = measured(10.0, 1.0, 4.0), measured(10.0 + difference, 1.0, 4.0)
        assert is_noise(one, other, GAP.name) == is_noise(other, one, GAP.name) == noise


def test_exact_numbers_are_noise_only_if_they_are_equal():
    assert is_noise(measured(1.0), measured(1.0), GAP.name)
    assert not is_noise(measured(1.0), measured(1.0 + 1e-9), GAP.name)
    assert is_noise(measured(1.0), measured(2.5, 1.0), GAP.name), "the other one is not exact"


@pytest.mark.parametrize(
    ("other", "noise"),
    [
        # Two errors of 2.4 with 9 degrees of freedom each: half the interval is 7.1.
        (measured(42.8, 2.4, 9.0), False),
        (measured(43.0, 2.4, 9.0), None),
        (measured(49.0, df=0.0), None),
        (measured(49.0), None),
        (measured(49.0, 1.0, 0.0), None),
    ],
)
def test_an_error_that_is_not_known_is_taken_for_that_of_the_other(other, noise):
    """As of a model of which all items are alike; an old error beside 0 degrees of freedom is none."""
    unknown = measured(50.0, df=0.0)
    assert is_noise(unknown, other, GAP.name) is noise
    assert is_noise(other, unknown, GAP.name) is noise


def test_equal_values_are_noise_whatever_their_errors():
    for one in (measured(50.0), measured(50.0, df=0.0), measured(50.0, 1.0, 4.0)):
        assert is_noise(measured(50.0, df=0.0), one, GAP.name)


def test_candidates_are_tied_if_every_goal_is_noise(seeds):
    """By hand: every gap has an error, and the rises are exact and differ."""
    found = ties(seeds, seeds.candidates())
    assert found == {name: ([], []) for name in ("base", "0", "1", "2", "4")}
    alike = seeds.trials.assign(**{RISE.name: 0.0})
    found = ties(replace(seeds, trials=alike), replace(seeds, trials=alike).front())
    # Trial 1, at 6 ± 13, is alone on the front now, and the base model at 12.
    assert found == {"base": (["1"], []), "1": ([], [])}
    noisy = alike.assign(**{f"se/{GAP.name}": 9.0})
    found = ties(replace(seeds, trials=noisy), replace(seeds, trials=noisy).candidates())
    assert found == {name: ([] if name == "1" else ["1"], []) for name in found}
    assert found.keys() == {"base", "0", "1", "2", "4"}


def test_candidates_are_maybe_tied_if_an_error_is_not_known_and_no_other_goal_tells_them_apart(
    hand,
):
    """By hand: rises differ by noise up to 0.11, and from the exact one of the base up to 0.078."""
    errors = {f"df/{GAP.name}": 0.0, f"se/{RISE.name}": 0.04}
    unknown = replace(hand, trials=hand.trials.assign(**errors))
    assert ties(unknown, unknown.front()) == {
        "base": ([], ["2", "4", "1"]),
        "12": ([], ["3"]),
        "3": ([], ["12"]),
        "2": (["4"], ["base", "1"]),  # 2 and 4 are equal in both goals
        "4": (["2"], ["base", "1"]),
        "1": ([], ["base", "2", "4"]),
    }
