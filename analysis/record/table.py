"""Runs of trials as a table: states, parameters, metrics."""

from __future__ import annotations

import math
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.record.names import Group, Tag

if TYPE_CHECKING:
    from mlflow.entities import Run


MAX_SILENCE_S = 60.0  # of a driver that lives: it says so every quarter of it


def sweep_state(run: Run) -> str:
    tags = run.data.tags
    if run.info.status != "RUNNING":
        return str(tags.get(Tag.STATE, run.info.status.lower()))
    heard = tags.get(Tag.ALIVE, run.info.start_time)
    if time.time() - int(heard) / 1000 > MAX_SILENCE_S:
        return "interrupted"
    asked = {"pause": "paused", "stop": "stopping", "cancel": "cancelling"}
    return asked.get(tags.get(Tag.ASKED, ""), "running")


def trial_state(run: Run) -> str:
    # The tag is set when a trial ends; until then MLflow's own word is the truth.
    return str(run.data.tags.get(Tag.STATE, run.info.status.lower()))


def trial_table(children: list[Run], declared: list[str]) -> tuple[list[str], pd.DataFrame]:
    params = sorted({name for run in children for name in run.data.params})
    logged = sorted({name for run in children for name in model_metrics(run)})
    metrics = list(dict.fromkeys([*declared, *logged]))
    rows = [
        {
            "trial": int(run.data.tags[Tag.TRIAL]),
            "state": trial_state(run),
            "failure": run.data.tags.get(Tag.REASON, ""),
            "run_id": run.info.run_id,
            "seconds": math.nan
            if run.info.end_time is None
            else (run.info.end_time - run.info.start_time) / 1000,
            **run.data.params,
            **{name: finite_or_nan(value) for name, value in model_metrics(run).items()},
        }
        for run in children
    ]
    columns = ["trial", "state", "failure", "run_id", "seconds", *params, *metrics]
    trials = pd.DataFrame(rows, columns=columns)
    for name in params:
        trials[name] = _numbers_if_all_are(trials[name])
    return params, trials.astype(dict.fromkeys(["seconds", *metrics], float) | {"trial": int})


def model_metrics(run: Run) -> dict[str, float]:
    """What was measured of a model, and not of the machine or of the sweep as a whole."""
    return {
        k: v for k, v in run.data.metrics.items() if not k.startswith((Group.SYSTEM, Group.FRONT))
    }


def _numbers_if_all_are(texts: pd.Series) -> pd.Series:
    # By column: what is a number in one row and a word in another cannot be compared.
    try:
        numbers = pd.to_numeric(texts)
    except ValueError:
        return texts
    return numbers if np.isfinite(numbers.dropna()).all() else texts


def finite_or_nan(value: float) -> float:
    # SQL stores of MLflow turn infinity into the largest float.
    return value if abs(value) < sys.float_info.max else math.nan
