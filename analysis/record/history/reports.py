"""The reports of a sweep's trials as one table: what each trial measured of its model as it trained."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd

from analysis.record.history.points import read_points
from analysis.record.mlflow_client import connect
from analysis.record.names import Series
from analysis.record.recipes import STEP
from analysis.record.sweep import ABOUT_TRIALS, Sweep
from analysis.record.table import as_measured


def read_reports(sweep: Sweep, /) -> pd.DataFrame:
    """Return a row for each report of each trial, by trial, step and α.

    The rows have the columns of `Sweep.rows` and `step`, the number of training steps before the
    report: 0 for the model before training. `progress` is that at the report, and `seconds` is NaN.
    The last row of a trial has what its row in `Sweep.rows` has, of what was measured then. Trials
    that are running, failed or were stopped early have rows as well, at other α only if they are
    complete; a report that lacks every goal has none.

    A database gives a thousand trials with 20 reports in seconds; a server is asked for each metric of
    each trial.
    """
    about = {*ABOUT_TRIALS, *sweep.params}
    metrics = {str(name) for name in sweep.trials} - about
    trials = sweep.trials.to_dict("records")
    run_ids = [row["run_id"] for row in trials]
    points = read_points(connect(sweep.tracking_uri), run_ids, [Series.PROGRESS, *sorted(metrics)])
    rows = []
    for row in trials:
        fixed = {name: value for name, value in row.items() if name not in metrics}
        for step, values in points.get(row["run_id"], {}).items():
            measured = {n: as_measured(n, value) for n, value in values.items() if n in metrics}
            progress = values.get(Series.PROGRESS, math.nan)
            at_step = {STEP: step, "seconds": math.nan, Series.PROGRESS: progress}
            rows.append(fixed | at_step | measured)
    columns = [*sweep.trials.columns, STEP]
    reports = pd.DataFrame(rows, columns=columns).astype(
        sweep.trials.dtypes.to_dict() | {STEP: int}
    )
    every = replace(sweep, trials=reports.copy()).rows
    goals = [goal.name for goal in sweep.goals]
    every = every[every[goals].notna().any(axis=1)]
    return every.sort_values(["trial", STEP, "alpha"], na_position="first", ignore_index=True)
