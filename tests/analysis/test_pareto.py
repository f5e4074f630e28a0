"""Axes: N points, M goals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis import pareto
from trainables.metrics.metric import Metric

GRID = 4


@st.composite
def clouds(draw, least=1):
    """Points on a small grid, so that ties, duplicates and dominated points are common."""
    shape = draw(st.tuples(st.integers(least, 9), st.integers(1, 5)))
    costs_NM = draw(arrays(float, shape, elements=st.integers(0, GRID).map(float)))
    costs_NM.setflags(write=False)  # an input that is modified raises
    return costs_NM


def front_by_definition(costs_NM):
    def dominates(q, p):
        return (q <= p).all() and (q < p).any()

    return [not any(dominates(q, p) for q in costs_NM) for p in costs_NM]


def cells_covered(costs_NM):
    """The hypervolume, by counting the unit cells below the reference that a point dominates."""
    goals = costs_NM.shape[1]
    corners = np.stack(np.meshgrid(*[np.arange(GRID)] * goals), -1).reshape(-1, goals)
    return sum(any((p <= corner).all() for p in costs_NM) for corner in corners)


@given(clouds())
@settings(deadline=None)
def test_the_front_is_as_it_is_defined(costs_NM):
    assert pareto.front(costs_NM).tolist() == front_by_definition(costs_NM)


@given(clouds())
@settings(deadline=None)
def test_the_hypervolume_is_the_number_of_cells_covered(costs_NM):
    volume = pareto.hypervolume(costs_NM, reference=GRID)
    assert volume == pytest.approx(cells_covered(costs_NM))


@given(clouds(), st.randoms())
@settings(deadline=None)
def test_the_order_of_the_points_changes_nothing(costs_NM, random):
    order = list(range(len(costs_NM)))
    random.shuffle(order)
    assert (pareto.front(costs_NM[order]) == pareto.front(costs_NM)[order]).all()
    assert pareto.hypervolume(costs_NM[order], reference=GRID) == pytest.approx(
        pareto.hypervolume(costs_NM, reference=GRID)
    )


@given(clouds(least=2))
@settings(deadline=None)
def test_one_more_point_never_lowers_the_hypervolume(costs_NM):
    fewer = pareto.hypervolume(costs_NM[:-1], reference=GRID)
    assert pareto.hypervolume(costs_NM, reference=GRID) >= fewer - 1e-9


@given(clouds())
@settings(deadline=None)
def test_dominated_points_change_nothing(costs_NM):
    members = costs_NM[pareto.front(costs_NM)]
    assert pareto.front(members).all()
    assert pareto.hypervolume(members, reference=GRID) == pytest.approx(
        pareto.hypervolume(costs_NM, reference=GRID)
    )


def test_all_copies_of_a_point_on_the_front_are_kept():
    assert pareto.front([[1, 2], [2, 1], [1, 2], [2, 2]]).tolist() == [True, True, True, False]
    assert pareto.front([[3], [1], [1]]).tolist() == [False, True, True]


def test_the_hypervolume_of_two_overlapping_boxes_worked_out_by_hand():
    # Seen from (1, 1): boxes of 0.8×0.4 and 0.4×0.8 that share 0.4×0.4.
    volume = pareto.hypervolume([[0.2, 0.6], [0.6, 0.2]], reference=1)
    assert volume == pytest.approx(0.32 + 0.32 - 0.16)


def test_a_point_no_better_than_the_reference_in_one_goal_adds_nothing():
    assert pareto.hypervolume([[-9.0, 1.0], [-9.0, 2.0]], reference=[1, 1]) == 0


def test_no_points_have_an_empty_front_and_no_volume():
    for nothing in ([], np.zeros((0, 3))):
        assert pareto.front(nothing).shape == (0,)
        assert pareto.front(nothing).dtype == bool
        assert pareto.hypervolume(nothing, reference=1) == 0.0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_costs_that_are_not_finite_are_refused_by_their_rows(value):
    costs_NM = [[0, 1, 2], [1, value, 0]]
    with pytest.raises(ValueError, match=r"costs must be finite, but got .* in rows \[1\] of 2"):
        pareto.front(costs_NM)
    with pytest.raises(ValueError, match="costs must be finite"):
        pareto.hypervolume(costs_NM, reference=3)


@pytest.mark.parametrize("wrong", [5.0, [1.0, 2.0], [[], []], [[[1.0]]]])
def test_costs_that_are_no_matrix_are_refused_by_their_shape(wrong):
    with pytest.raises(ValueError, match="two axes, points and at least one goal, but got shape"):
        pareto.front(wrong)


def test_costs_as_shares_have_the_ideal_at_0_and_the_worst_at_1_whatever_the_direction():
    metrics = [
        Metric("bias/a/gap", "points", "lower", ideal=0, worst=50, about=""),
        Metric("task/b/accuracy", "share", "higher", ideal=1, worst=0.5, about=""),
        Metric("bias/c/score", "percent", "nearer", ideal=50, worst=100, about=""),
    ]
    ideal, worst = [m.ideal for m in metrics], [m.worst for m in metrics]
    below = [25.0, 0.75, 25.0]  # half-way, the last from the other side of 50
    shares_NM = pareto.share_costs([ideal, worst, below], metrics)
    assert shares_NM == pytest.approx(np.array([[0.0] * 3, [1.0] * 3, [0.5] * 3]))
    assert pareto.hypervolume(shares_NM[:1], reference=1) == 1
    assert pareto.share_costs([], metrics).shape == (0, 3)
