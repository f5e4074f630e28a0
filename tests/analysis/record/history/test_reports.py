"""Every report of a trial is a row, as the last one is in the table of trials."""

import math

import pandas as pd
import pytest

from analysis.record.history.reports import STEP, read_reports
from analysis.record.mlflow_client import Store
from tests.analysis.conftest import ACCURACY, BASE, GAP, RISE
from trainables.metrics.names import error_name

pytestmark = pytest.mark.timeout(120)  # whichever test is the first makes the store


def test_the_last_report_of_a_trial_is_its_row_in_the_sweep(hand):
    reports = read_reports(hand)
    last = reports[reports[STEP] == 200].set_index("trial").drop(11)  # it measured less then
    rows = hand.rows.set_index("trial").loc[last.index]
    columns = [name for name in rows if name not in ("seconds", "alpha")]
    pd.testing.assert_frame_equal(last[columns], rows[columns])


def test_the_first_report_is_the_model_before_training(hand):
    first = read_reports(hand).query("step == 0")
    assert set(first["trial"]) == set(hand.trials["trial"])
    assert (first[RISE.name] == BASE[RISE.name]).all()
    assert (first["progress"] == 0).all()
    assert first["seconds"].isna().all()


def test_a_report_at_another_weight_is_a_row_of_its_own_with_its_errors(fusing):
    reports = read_reports(fusing)
    row = reports[(reports["trial"] == 1) & (reports["alpha"] == 0.25)]
    assert row[[STEP, GAP.name, error_name(GAP.name)]].to_numpy().tolist() == [[200, 9.0, 0.5]]


def test_a_report_without_any_goal_has_no_row(hand):
    reports = read_reports(hand)
    assert len(reports[reports["trial"] == 11]) == 2  # it lacks one of the two goals
    assert len(reports[reports["trial"] == 13]) == 2  # its end has one that is infinite


def test_a_server_gives_the_same_reports_as_the_tables(hand, monkeypatch):
    monkeypatch.setattr(Store, "database", None)
    by_client = read_reports(hand)
    monkeypatch.undo()
    pd.testing.assert_frame_equal(by_client, read_reports(hand))


def test_of_two_values_at_one_step_the_one_that_was_logged_last_counts(tmp_path):
    from mlflow import MlflowClient
    from mlflow.entities import Metric

    from analysis.record.history.points import read_points

    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}")
    run_id = client.create_run(client.create_experiment("one")).info.run_id
    points = [(0.1, 7, 3), (0.2, 9, 3), (0.3, 8, 3), (0.4, 9, 3), (5.0, 1, 2), (math.nan, 9, 4)]
    client.log_batch(run_id, [Metric(ACCURACY.name, *point) for point in points])
    client.log_batch(run_id, [Metric("train/loss", 1.0, 1, 1)])
    store = Store(client.tracking_uri)
    for has_tables in (True, False):
        if not has_tables:
            store.__dict__["database"] = None
        steps = read_points(store, [run_id], [ACCURACY.name])[run_id]
        assert {step: steps[step][ACCURACY.name] for step in (2, 3)} == {2: 5.0, 3: 0.4}
        assert math.isnan(steps[4][ACCURACY.name])
        assert set(steps) == {2, 3, 4}


def test_a_sweep_that_has_only_begun_has_no_reports(begun):
    assert read_reports(begun).empty
    assert STEP in read_reports(begun)
