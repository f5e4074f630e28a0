"""Metrics: which way is better, and how far."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.metrics.metric import Metric, declare, wins

LOSS = Metric("forgetting/general/nll", "nats", "lower", ideal=1.0, worst=5.0, about="")
ACCURACY = Metric("task/piqa/accuracy", "share", "higher", ideal=1.0, worst=0.5, about="")
SCORE = Metric(
    *("bias/stereoset/ss", "%", "nearer"),
    ideal=50.0,
    worst=100.0,
    about="",
    lowest=0.0,
    highest=100.0,
)


@pytest.mark.parametrize(
    ("metric", "value", "cost", "share"),
    [
        (LOSS, 2.0, 2.0, 0.25),
        (LOSS, 0.0, 0.0, -0.25),
        (ACCURACY, 0.8, -0.8, 0.4),
        (ACCURACY, 0.25, -0.25, 1.5),
        (SCORE, 60.0, 10.0, 0.2),
        (SCORE, 40.0, 10.0, 0.2),
        (SCORE, 0.0, 50.0, 1.0),
    ],
)
def test_cost_and_share_are_as_worked_out_by_hand(metric, value, cost, share):
    assert metric.cost(value) == pytest.approx(cost)
    assert metric.share(value) == pytest.approx(share)


@pytest.mark.parametrize("metric", [LOSS, ACCURACY, SCORE])
def test_the_ideal_is_zero_and_the_worst_is_one(metric):
    assert metric.share(metric.ideal) == 0
    assert metric.share(metric.worst) == 1


@given(away=st.floats(0, 1e6))
def test_a_nearer_metric_is_the_same_on_both_sides_of_its_ideal(away):
    assert SCORE.cost(50 + away) == pytest.approx(SCORE.cost(50 - away))


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_lower_and_higher_order_values_the_opposite_way(a, b):
    assert (LOSS.cost(a) < LOSS.cost(b)) == (a < b)
    assert (ACCURACY.cost(a) < ACCURACY.cost(b)) == (a > b)


@pytest.mark.parametrize(
    "name",
    [
        "fusion/0.5/bias/ss",
        "fusion/bias/stereoset/ss",
        "fusion/0.5/fusion/0.5/bias/x/y",
        "bias",
        "bias/ss",
        "bias/stereoset/",
        "bias//ss",
        "bias/a/b/c",
        "fairness/stereoset/ss",
        "",
    ],
)
def test_a_wrong_name_is_one_sentence_that_lists_the_families(name):
    with pytest.raises(ValueError, match=r"bias, forgetting, task, cost, but got") as caught:
        Metric(name, "%", "lower", 0.0, 1.0, "")
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize(
    ("better", "ideal", "worst"),
    [("lower", 1.0, 0.0), ("higher", 0.0, 1.0), ("lower", 1.0, 1.0), ("nearer", 50.0, 50.0)],
)
def test_an_ideal_that_is_not_better_than_the_worst_is_refused(better, ideal, worst):
    with pytest.raises(ValueError, match="ideal of task/x/y must be better than its worst"):
        Metric("task/x/y", "", better, ideal, worst, "")


@pytest.mark.parametrize("bounds", [{"lowest": 0.1}, {"highest": 0.9}, {"lowest": math.nan}])
def test_an_ideal_or_a_worst_that_is_impossible_is_refused(bounds):
    Metric("task/x/y", "", "lower", 0.0, 1.0, "", lowest=0.0, highest=1.0)
    with pytest.raises(ValueError, match=r"must lie between its lowest and its highest value, but"):
        Metric("task/x/y", "", "lower", 0.0, 1.0, "", **bounds)


def test_a_declaration_of_an_early_release_has_no_bounds():
    early = SCORE.to_dict()
    del early["lowest"], early["highest"]
    assert Metric(**early).bounds == (None, None)


def test_a_higher_score_wins_and_a_tie_does_not():
    assert (wins(2.0, 1.0), wins(1.0, 2.0), wins(1.0, 1.0)) == (1.0, 0.0, 0.0)


@pytest.mark.parametrize("scores", [(math.nan, 1.0), (1.0, math.nan), (math.nan, math.nan)])
def test_nobody_wins_against_nan(scores):
    assert math.isnan(wins(*scores))


def test_declared_metrics_carry_their_dataset_and_their_source():
    declared = declare(
        "bias/x",
        ("gap", "points", "lower", 0.0, 50.0, (0.0, None), "how far"),
        source="Someone 2020",
    )
    assert declared == (
        Metric("bias/x/gap", "points", "lower", 0.0, 50.0, "how far", "Someone 2020", lowest=0.0),
    )
    assert declared[0].bounds == (0.0, None)


def test_a_declaration_survives_json():
    assert Metric(**json.loads(json.dumps(SCORE.to_dict()))) == SCORE


def test_importing_metrics_loads_the_standard_library_alone(modules_after):
    loaded = modules_after("import trainables.metrics.metric")
    assert not loaded & {"torch", "numpy", "pydantic", "transformers", "datasets", "mlflow", "ray"}


def test_a_metric_at_another_alpha_differs_in_its_name_alone():
    fused = LOSS.at(0.25)
    assert fused.name == "fusion/0.25/forgetting/general/nll"
    assert Metric(**{**fused.to_dict(), "name": LOSS.name}) == LOSS


@pytest.mark.parametrize("metric", [LOSS, ACCURACY, SCORE])
def test_the_value_of_a_cost_is_the_inverse_where_there_is_one(metric):
    value = metric.value_of(metric.cost(0.25))
    assert value == (None if metric is SCORE else 0.25)
    assert metric.value_of(metric.cost(metric.ideal)) == metric.ideal
