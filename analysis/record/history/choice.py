"""Which models are candidates: the last ones of trials, those at other α, all that were measured."""

from __future__ import annotations

import math
from dataclasses import replace
from enum import StrEnum

import pandas as pd

from analysis.record.history.reports import read_reports
from analysis.record.names import TrialState
from analysis.record.recipes import STEP
from analysis.record.sweep import Sweep

STOP_AFTER = "train.stop_after"  # the parameter by which a new trial ends after a step


class Choice(StrEnum):
    """Which models are candidates."""

    FINAL = "final"
    FUSED = "fused"
    EVERY_REPORT = "every-report"


def with_candidates(sweep: Sweep, choice: Choice, /) -> Sweep:
    """Return the sweep with other candidates: its `rows` are those of the models that are chosen.

    final: each trial's own model as it ended.
    fused: these, and the weights at every other α at which they were measured. So it is without
        this function.
    every-report: these, and the same at every earlier report of the complete trials but the one
        before training. The column `step` has the step of an earlier report and is NaN for the
        last one; so has `train.stop_after`, with which a new trial would give that model.
    """
    match choice:
        case Choice.FUSED:
            return sweep
        case Choice.FINAL:
            return replace(sweep, chosen_rows=sweep.rows[sweep.rows["alpha"].isna()])
    reports = read_reports(sweep)
    is_complete = reports["state"] == TrialState.COMPLETE
    last = reports.groupby("trial")[STEP].transform("max")
    earlier = reports[is_complete & (reports[STEP] > 0) & (reports[STEP] < last)]
    earlier = earlier.assign(**{STOP_AFTER: earlier[STEP]})
    tables = [sweep.rows.assign(**{STEP: math.nan}), earlier]
    rows = pd.concat([table for table in tables if len(table)] or tables[:1])
    rows = rows.sort_values(["trial", STEP, "alpha"], na_position="first", ignore_index=True)
    params = sorted({*sweep.params, STOP_AFTER} if len(earlier) else sweep.params)
    return replace(sweep, chosen_rows=rows.astype({STEP: float}).copy(), params=params)
