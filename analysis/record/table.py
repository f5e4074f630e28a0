"""Runs of trials in MLflow as a table: states, parameters, metrics."""

from __future__ import annotations

import math
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
    TrialState,
    is_whole_number,
    request_in_force,
    trial_in,
)
from analysis.record.sweep import ABOUT_CANDIDATES, ABOUT_TRIALS
from trainables.metrics.interval import UNKNOWN_DF
from trainables.metrics.names import (
    df_name,
    error_name,
    is_fused,
    metric_of_df,
    metric_of_error,
)

if TYPE_CHECKING:
    from analysis.record.store.database import Run


# Without a sign of life of its driver for this long, a sweep counts as interrupted. A driver that
# lives writes one every quarter of it.
MAX_SILENCE_S = 60.0
LARGEST = 1e150  # of a value: errors are made of sums of squares
LEAST_DF = 1e-3  # degrees of freedom: fewer than any design has
# The states by which the trials of a sweep are counted in `sweep ls`, in the order of its columns.
COUNTED_STATES = (
    *(TrialState.COMPLETE, TrialState.FAILED, TrialState.PRUNED, TrialState.RUNNING),
    TrialState.KILLED,
)
RESERVED = {*ABOUT_TRIALS, *ABOUT_CANDIDATES}  # names that no metric and no parameter may have


def sweep_state(run: Run) -> str:
    """Return the state of a sweep, given its parent run; `Sweep.state` lists the states."""
    tags = run.data.tags
    if run.info.status != "RUNNING":
        return str(tags.get(Tag.STATE, run.info.status.lower()))
    sign = tags.get(Tag.ALIVE, "")
    last_sign_ms = int(sign) if is_whole_number(sign) else run.info.start_time or 0
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
    params = sorted(
        {name for run in runs for name in run.data.params if not _is_of_metric(name)}
        - {*RESERVED, *declared}
    )
    metrics_of_runs = [model_metrics(run) for run in runs]
    logged = sorted({name for own in metrics_of_runs for name in own} - {*params})
    metrics = list(dict.fromkeys([*declared, *logged]))
    wanted = {*metrics}
    rows = [
        {
            "trial": trial_in(run.data.tags),
            "state": trial_state(run),
            "failure": run.data.tags.get(Tag.REASON, ""),
            "run_id": run.info.run_id,
            "recipe": run.data.tags.get(Tag.FINGERPRINT, ""),
            "seconds": _seconds(run),
            Series.PROGRESS: run.data.metrics.get(Series.PROGRESS, math.nan),
            **{name: run.data.params.get(name) for name in params},
            **{name: value for name, value in own.items() if name in wanted},
        }
        for run, own in zip(runs, metrics_of_runs, strict=True)
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


def _seconds(run: Run) -> float:
    """Return how long a run took; NaN if it has not ended, or a time of it is not known."""
    info = run.info
    if info.end_time is None or info.start_time is None:
        return math.nan
    return (info.end_time - info.start_time) / 1000


def model_metrics(run: Run) -> dict[str, float]:
    """Return the last value of each metric of a run that describes a model, by name; NaN if infinite.

    Those of the machine (`system/`), of the training (`train/`), of the sweep as a whole (`front/`) and
    how far the run has got (`progress`) are left out, and so are those that no sweep logs: of an α that
    is none, or named like a column of a table. An error below 0 is NaN, and as many degrees of freedom
    are not known.
    """
    return {
        name: as_measured(name, value)
        for name, value in run.data.metrics.items()
        if not name.startswith((Group.SYSTEM, Group.TRAIN, Group.FRONT))
        and name not in RESERVED
        and (not is_fused(name) or _has_alpha(name))
    }


def as_measured(name: str, value: float) -> float:
    """Return the value of a metric, of an error or of its degrees of freedom, as it counts."""
    if metric_of_df(name) is not None:
        return UNKNOWN_DF if value < LEAST_DF else value
    if metric_of_error(name) is not None and value < 0:
        return math.nan
    return finite_or_nan(value)


def _is_of_metric(name: str) -> bool:
    """Return whether a name is that of an error, of its df, or of a metric at another α."""
    is_of_error = metric_of_error(name) is not None or metric_of_df(name) is not None
    return is_of_error or is_fused(name)


def _has_alpha(name: str) -> bool:
    """Return whether a name of a metric at another α says which: a number of 0 or more."""
    metric = metric_of_error(name) or metric_of_df(name) or name
    try:
        return 0 <= float(metric.split("/")[1]) < math.inf
    except ValueError:
        return False


def _numbers_if_all_are(texts: pd.Series) -> pd.Series:
    """Return a column of texts as numbers if every text is a finite number, else unchanged.

    A column is one or the other: a number in one row and a word in another cannot be compared.
    """
    try:
        numbers = pd.to_numeric(texts)
    except (ValueError, OverflowError):
        return texts
    if not isinstance(numbers.dtype, np.dtype) or numbers.dtype == object:  # beyond 64 bits
        numbers = numbers.astype(float)
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
    """Return a logged value; NaN if it was infinite, or so large that no float holds its square.

    SQL stores turn infinity into the largest float.
    """
    return value if abs(value) < LARGEST else math.nan
