"""Runs of trials in MLflow as a table: states, parameters, metrics."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.record.names import (
    Group,
    Series,
    SweepState,
    Tag,
    is_number,
    request_in_force,
    trial_in,
)
from trainables.metrics.interval import UNKNOWN_DF
from trainables.metrics.names import df_name, error_name

if TYPE_CHECKING:
    from analysis.record.database import Run


# Without a sign of life of its driver for this long, a sweep counts as interrupted. A driver that
# lives writes one every quarter of it.
MAX_SILENCE_S = 60.0


def sweep_state(run: Run) -> str:
    """Return the state of a sweep, given its parent run; `Sweep.state` lists the states."""
    tags = run.data.tags
    if run.info.status != "RUNNING":
        return str(tags.get(Tag.STATE, run.info.status.lower()))
    sign = tags.get(Tag.ALIVE, "")
    last_sign_ms = int(sign) if is_number(sign) else run.info.start_time
    if time.time() - last_sign_ms / 1000 > MAX_SILENCE_S:
        return SweepState.INTERRUPTED
    states: dict[str, str] = {
        "pause": SweepState.PAUSED,
        "stop": SweepState.STOPPING,
        "cancel": SweepState.CANCELLING,
    }
    return states.get(request_in_force(tags), SweepState.RUNNING)


def trial_state(run: Run) -> str:
    """Return the state of a trial, given its run: that of TrialState, or killed."""
    # The tag is set when a trial ends; until then MLflow's own status says it.
    return str(run.data.tags.get(Tag.STATE, run.info.status.lower()))


def trial_table(runs: list[Run], declared: list[str]) -> tuple[list[str], pd.DataFrame]:
    """Return the names of the parameters, and a table with a row for each trial's run.

    Columns of the table: trial, state, failure, run_id, recipe, seconds, progress, then parameters,
    then metrics, as `Sweep.trials` describes them.

    Args:
        declared: names of metrics that get a column in any case, before the others that were logged.
    """
    params = sorted({name for run in runs for name in run.data.params})
    logged = sorted({name for run in runs for name in model_metrics(run)})
    metrics = list(dict.fromkeys([*declared, *logged]))
    rows = [
        {
            "trial": trial_in(run.data.tags),
            "state": trial_state(run),
            "failure": run.data.tags.get(Tag.REASON, ""),
            "run_id": run.info.run_id,
            "recipe": run.data.tags.get(Tag.FINGERPRINT, ""),
            "seconds": math.nan
            if run.info.end_time is None
            else (run.info.end_time - run.info.start_time) / 1000,
            Series.PROGRESS: run.data.metrics.get(Series.PROGRESS, math.nan),
            **run.data.params,
            **{name: finite_or_nan(value) for name, value in model_metrics(run).items()},
        }
        for run in runs
    ]
    about = ["trial", "state", "failure", "run_id", "recipe", "seconds", Series.PROGRESS]
    columns = [*about, *params, *metrics]
    trials = pd.DataFrame(rows, columns=columns)
    for name in params:
        trials[name] = _numbers_if_all_are(trials[name])
    trials = trials.astype(
        dict.fromkeys(["seconds", Series.PROGRESS, *metrics], float) | {"trial": int}
    )
    # The copy holds the columns of one type in one block: pandas warns of more than a hundred blocks.
    return params, trials.copy()


def model_metrics(run: Run) -> dict[str, float]:
    """Return the last value of each metric of a run that describes a model, by name.

    Those of the machine (`system/`), of the training (`train/`), of the sweep as a whole (`front/`) and
    how far the run has got (`progress`) are left out.
    """
    return {
        name: value
        for name, value in run.data.metrics.items()
        if not name.startswith((Group.SYSTEM, Group.TRAIN, Group.FRONT)) and name != Series.PROGRESS
    }


def _numbers_if_all_are(texts: pd.Series) -> pd.Series:
    """Return a column of texts as numbers if every text is a finite number, else unchanged.

    A column is one or the other: a number in one row and a word in another cannot be compared.
    """
    try:
        numbers = pd.to_numeric(texts)
    except ValueError:
        return texts
    return numbers if np.isfinite(numbers.dropna()).all() else texts


def error_of(row: Mapping[Any, Any], metric: str) -> tuple[float | None, float]:
    """Return (standard error, its degrees of freedom) of a metric in a row of a table of a sweep.

    Both are as trainables/metrics/interval.py has them. An error of 0 counts as none: early releases
    recorded it where all items were alike.

    row: a row of `Sweep.trials`, `rows` or `candidates`, or the values of the base model.
    """
    se, df = (
        None if pd.isna(number := row.get(name(metric), math.nan)) else float(number)
        for name in (error_name, df_name)
    )
    if df == UNKNOWN_DF:
        # MLflow keeps the last value of each name: an error beside it is that of an earlier step.
        return None, UNKNOWN_DF
    return se or None, math.inf if df is None else df


def finite_or_nan(value: float) -> float:
    """Return a logged value; NaN if it was infinite, which SQL stores turn into the largest float."""
    return value if abs(value) < sys.float_info.max else math.nan
