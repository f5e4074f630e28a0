"""A number with its range."""

from hypothesis import given
from hypothesis import strategies as st

from sweep.planning.interval import ZERO, Interval

INTERVALS = (
    st.lists(st.floats(0, 1e6), min_size=3, max_size=3).map(sorted).map(lambda n: Interval(*n))
)


def ordered(interval: Interval) -> bool:
    """Return whether low ≤ value ≤ high."""
    return interval.low <= interval.value <= interval.high


@given(INTERVALS, INTERVALS, st.floats(0, 1e3))
def test_sums_and_products_keep_the_order_of_their_numbers(one, other, factor):
    assert ordered(one + other)
    assert ordered(one * other)
    assert ordered(one * factor)
    assert one + ZERO == one


def test_a_factor_spans_both_ways():
    assert Interval.around(6, 3) == Interval(2, 6, 18)
    assert Interval.exactly(6) == Interval(6, 6, 6)


def test_limits_cut_all_three_numbers():
    assert Interval(1, 5, 9).within(2, 6) == Interval(2, 5, 6)
    assert Interval(7, 8, 9).within(0, 6) == Interval(6, 6, 6)
