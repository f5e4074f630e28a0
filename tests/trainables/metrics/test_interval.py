"""Intervals, against printed tables of Student's t."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.metrics import bounds
from trainables.metrics.interval import (
    as_number,
    half_width,
    interval,
    intervals,
    num_decimals,
    plus_minus,
    quantile,
)
from trainables.metrics.metric import Metric

# Two-sided, level 0.95 and 0.99, as printed in textbooks.
PRINTED = {
    1: (12.706, 63.657), 2: (4.303, 9.925), 4: (2.776, 4.604), 9: (2.262, 3.250), 29: (2.045, 2.756),
    math.inf: (1.960, 2.576),
}  # fmt: skip


@pytest.mark.parametrize("df", PRINTED)
def test_quantiles_are_those_of_printed_tables(df):
    assert (quantile(df), quantile(df, 0.99)) == pytest.approx(PRINTED[df], abs=6e-4)


@given(st.floats(0.5, 1e4), st.floats(1.01, 3))
def test_an_interval_gets_narrower_with_more_degrees_of_freedom(df, factor):
    assert quantile(df) > quantile(df * factor) > quantile(math.inf)


def test_an_interval_is_the_value_and_half_a_width_to_either_side():
    assert half_width(2.0, 9) == pytest.approx(4.524, abs=1e-3)
    assert interval(10.0, 2.0, 9) == pytest.approx((5.476, 14.524), abs=1e-3)
    assert half_width(None, 9) is None
    assert interval(1.0, None, math.inf) is None


def test_every_known_error_of_a_finite_value_has_an_interval():
    declared = {name: Metric(f"task/{name}/x", "", "lower", 0, 9, "") for name in "abc"}
    values = {"a": 1.0, "b": 2.0, "c": math.nan}
    found = intervals(values, {"a": 1.0, "c": 1.0}, {"a": 2.0}, declared)
    assert found == {"a": pytest.approx([1 - 4.3027, 1 + 4.3027], abs=1e-3)}
    declared["a"] = replace(declared["a"], lowest=0.0)
    found = intervals(values, {"a": 1.0, "c": 1.0}, {"a": 2.0}, declared)
    assert found == {"a": pytest.approx([0, 1 + 4.3027], abs=1e-3)}


@pytest.mark.parametrize(
    ("value", "bounds", "ends"),
    [
        (0.98, bounds.SHARE, (0.88, 1.0)),
        (0.02, bounds.SHARE, (0.0, 0.12)),
        (0.5, bounds.SHARE, (0.4, 0.6)),
        (0.02, bounds.NOT_NEGATIVE, (0.0, 0.12)),
        (0.98, bounds.ANY, (0.88, 1.08)),
        (1 + 1e-9, bounds.SHARE, (0.9, 1 + 1e-9)),  # a value past a bound by rounding stays in it
        (-1e-9, bounds.SHARE, (-1e-9, 0.1)),
    ],
)
def test_an_interval_ends_where_the_possible_values_do(value, bounds, ends):
    assert interval(value, 0.1 / quantile(5), 5, bounds) == pytest.approx(ends)


@pytest.mark.parametrize(
    ("se", "df", "shown"),
    [
        (1.0, 2.0, "± 4.3"),
        (1.0, math.inf, "± 2.0"),
        (None, 0.0, "± ?"),
        (None, math.inf, ""),
        (math.inf, 3.0, "± ?"),
    ],
)
def test_the_half_is_shown_a_question_mark_or_nothing(se, df, shown):
    assert plus_minus(se, df, ".1f") == shown
    assert plus_minus(se, df, ".1f", space="") == shown.replace(" ", "")


@pytest.mark.parametrize(
    ("df", "level", "sentence"),
    [
        (0, 0.95, "more than 0 degrees of freedom, but got 0"),
        (-1, 0.95, "more than 0 degrees of freedom, but got -1"),
        (math.nan, 0.95, "more than 0 degrees of freedom, but got nan"),
        (3, 1.0, r"between 0 and 1, but got 1\.0"),
        (3, 95, "between 0 and 1, but got 95"),
    ],
)
def test_what_is_no_error_is_refused(df, level, sentence):
    with pytest.raises(ValueError, match=sentence):
        quantile(df, level)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.25, "0.2500"),
        (0.0, "0.0000"),
        (3.8e-5, "3.8e-5"),
        (-3.8e-5, "-3.8e-5"),
        (6e-5, "0.0001"),
        (math.nan, "nan"),
        (math.inf, "inf"),
    ],
)
def test_a_number_is_shown_as_zero_only_if_it_is_zero(value, text):
    assert as_number(value, ".4f") == text


@pytest.mark.parametrize(
    ("values", "decimals"),
    [([0.05, 1.25], 2), ([0.0], 0), ([-0.0123], 4), ([math.nan, 12.0, math.inf], 1), ([], 0)],
)
def test_three_digits_of_the_largest_finite_value_are_shown(values, decimals):
    assert num_decimals(values) == decimals


def test_so_is_half_an_interval():
    assert plus_minus(1e-6, math.inf, ".4f") == "± 2.0e-6"
    assert plus_minus(0.0, math.inf, ".4f") == "± 0.0000"
