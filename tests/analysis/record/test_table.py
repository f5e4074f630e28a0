"""The table of trials, as read from a real record."""

import math
from types import SimpleNamespace

import pytest

from analysis.record.table import error_of, model_metrics, trial_table

ACCURACY, GAP, RISE, SCORE = (
    "task/piqa/accuracy",
    "bias/stereoset/gap",
    "forgetting/general/nll_rise",
    "bias/crows_pairs/score",
)

pytestmark = pytest.mark.timeout(120)  # whichever test is the first makes the store


def row(sweep, trial):
    return sweep.trials.set_index("trial").loc[trial]


def test_every_trial_is_one_row_in_the_order_of_its_number(hand):
    assert hand.trials["trial"].tolist() == list(range(1, 14))
    assert hand.trials["run_id"].is_unique


def test_a_trial_is_running_until_its_end_is_tagged(hand):
    states = hand.trials.set_index("trial")["state"]
    assert (states[6], states[7], states[10], states[1]) == (
        "pruned",
        "failed",
        "running",
        "complete",
    )
    assert row(hand, 7)["failure"] == "the loss is NaN at step 25"
    assert row(hand, 1)["failure"] == ""
    assert row(hand, 1)["seconds"] >= 0
    assert math.isnan(row(hand, 10)["seconds"])


def test_parameters_are_numbers_where_all_of_them_are(hand):
    assert row(hand, 1)["train.lr"] == 2e-5
    assert hand.trials["train.steps"].dtype == int
    assert row(hand, 2)["regulariser.weight"] == 0.03
    assert math.isnan(row(hand, 1)["regulariser.weight"])
    assert row(hand, 1)["objective.sides"] == "two"
    assert "train.lr" in hand.params
    assert RISE not in hand.params


def test_metrics_are_the_last_that_were_logged_and_infinity_is_none(hand):
    assert row(hand, 3)[RISE] == 0.2
    assert row(hand, 10)[GAP] == 12
    assert math.isnan(row(hand, 8)[GAP])
    assert math.isnan(row(hand, 11)[GAP])
    assert math.isnan(row(hand, 13)[RISE])


def test_the_base_model_is_step_0(hand):
    assert hand.base == {GAP: 12, SCORE: 62, RISE: 0, ACCURACY: 0.7}


def test_how_busy_the_machine_was_is_no_column(hand):
    assert not [name for name in hand.trials if str(name).startswith("system/")]


def test_what_describes_the_machine_the_training_or_the_sweep_is_no_metric_of_a_model():
    names = [GAP, f"se/{GAP}", "train/loss", "system/cpu_utilization_percentage", "front/size"]
    names.append("progress")
    run = SimpleNamespace(data=SimpleNamespace(metrics=dict.fromkeys(names, 1.0)))
    assert list(model_metrics(run)) == [GAP, f"se/{GAP}"]


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        ({"se/x": 1.5, "df/x": 4.0}, (1.5, 4.0)),
        ({"se/x": 1.5}, (1.5, math.inf)),
        ({"se/x": 1.5, "df/x": math.nan}, (1.5, math.inf)),
        ({}, (None, math.inf)),
        ({"se/x": math.nan, "df/x": math.nan}, (None, math.inf)),
        ({"se/x": 0.0}, (None, math.inf)),  # of an early release
        ({"df/x": 0.0}, (None, 0.0)),
        ({"se/x": 1.5, "df/x": 0.0}, (None, 0.0)),  # of an earlier step
    ],
)
def test_an_error_and_its_degrees_of_freedom_follow_one_rule(recorded, expected):
    assert error_of(recorded, "x") == expected


def test_a_table_of_many_metrics_takes_another_column_without_a_warning_of_pandas(recwarn):
    metrics = {f"bias/set_{n}/gap": float(n) for n in range(150)}
    runs = [
        SimpleNamespace(
            info=SimpleNamespace(run_id=str(n), status="FINISHED", start_time=0, end_time=1000),
            data=SimpleNamespace(
                tags={"sweep.trial": str(n)}, params={"train.lr": "1e-4"}, metrics=metrics
            ),
        )
        for n in range(3)
    ]
    _, trials = trial_table(runs, [])
    trials.assign(alpha=math.nan).assign(replicates=1)
    assert not [str(warning.message) for warning in recwarn]
