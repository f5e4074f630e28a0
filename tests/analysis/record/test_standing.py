"""Constraints and domination among candidates, the base model one of them."""

import math

import pandas as pd
import pytest

from analysis.record.standing import judge
from tests.analysis.conftest import GAP, RISE, SCORE

GOALS = [GAP, RISE]


def table(*points, states=()):
    gaps, rises = zip(*points, strict=True) if points else ((), ())
    states = states or ["complete"] * len(points)
    return pd.DataFrame({GAP.name: gaps, RISE.name: rises, "state": states}, dtype=object).astype(
        {GAP.name: float, RISE.name: float}
    )


def at(gap, rise):
    return {GAP.name: gap, RISE.name: rise}


@pytest.mark.parametrize(
    ("points", "base", "front", "loses", "standing"),
    [
        ([(1, 1)], at(2, 0), [True], [False], "on the front"),
        ([(2, 1)], at(2, 0), [False], [True], "on the front"),
        ([(2, 0)], at(2, 0), [True], [False], "on the front"),  # equal: both are on it
        ([(1, 0)], at(2, 0), [True], [False], "dominated"),
        ([(2, 1), (1, 0)], at(2, 0), [False, True], [True, False], "dominated"),
        ([(2, 1)], {}, [True], [False], "not measured"),
        ([(2, 1)], at(2, math.nan), [True], [False], "not measured"),
        ([], at(2, 0), [], [], "on the front"),
    ],
)
def test_the_base_model_takes_part(points, base, front, loses, standing):
    judged = judge(table(*points), base, GOALS, {})
    assert judged.candidates["front"].tolist() == front
    assert judged.candidates["loses_to_base"].tolist() == loses
    assert judged.base == standing


def test_a_base_model_beyond_a_constraint_dominates_none():
    judged = judge(table((3, 1)), at(2, 0), GOALS, {GAP.name: {"min": 2.5}})
    assert judged.base == "beyond a constraint"
    assert judged.candidates["front"].tolist() == [True]
    assert judged.candidates["loses_to_base"].tolist() == [False]


def test_bounds_are_inclusive_and_a_missing_value_keeps_none():
    rows = table((1, 0.3), (2, 0.4)).assign(**{SCORE.name: [50.0, math.nan]})
    for constraints, feasible in (
        ({RISE.name: {"max": 0.3}}, [True, False]),
        ({RISE.name: {"min": 0.3, "max": 0.4}}, [True, True]),
        ({SCORE.name: {"max": 60.0}}, [True, False]),
    ):
        judged = judge(rows, at(0, 0) | {SCORE.name: 0.0}, GOALS, constraints)
        assert judged.candidates["feasible"].tolist() == feasible


def test_what_was_stopped_early_is_on_no_front_and_dominates_none():
    judged = judge(table((1, 1), (0, 0), states=["complete", "pruned"]), at(2, 0), GOALS, {})
    assert judged.candidates["front"].tolist() == [True, False]
    assert judged.candidates["feasible"].tolist() == [True, True]
