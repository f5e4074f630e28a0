"""Candidates that their measurements do not tell apart.

Two candidates are *tied* if in every goal their difference is within its own 95 % interval. The errors
are those of two unpaired numbers,

    se² = se_one² + se_other²,    df by Welch and Satterthwaite

because the items of every candidate would have to be read for a paired test. That test
(analysis/stats/paired.py) may tell apart what is tied here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.record.sweep import BASE, Candidate, Sweep
from analysis.record.table import error_of
from trainables.metrics.clusters import welch_satterthwaite
from trainables.metrics.interval import quantile

Values = Mapping[Any, Any]  # of a candidate, by the columns of `Sweep.candidates`


def ties(sweep: Sweep, rows: pd.DataFrame, /) -> dict[str, list[str]]:
    """Return the members of the front that each candidate is tied with, by the candidate's name.

    The base model is `base`; it is among the members if it is on the front, and among the candidates.
    A candidate that is tied with none has an empty list.

    rows: some rows of `Sweep.candidates`.
    """
    members: dict[str, Values] = {
        str(Candidate.of(row)): row for row in sweep.front().to_dict("records")
    }
    if sweep.base_standing == "on the front":
        members = {BASE: sweep.base} | members
    candidates: dict[str, Values] = (
        {BASE: sweep.base} if sweep.base_standing != "not measured" else {}
    )
    candidates |= {str(Candidate.of(row)): row for row in rows.to_dict("records")}
    goals = [goal.name for goal in sweep.goals]
    return {
        name: [
            other
            for other, other_values in members.items()
            if other != name and all(is_noise(values, other_values, goal) for goal in goals)
        ]
        for name, values in candidates.items()
    }


def is_noise(one: Values, other: Values, metric: str) -> bool:
    """Return whether the difference of a metric between two candidates is within its 95 % interval.

    Without standard errors, as of exact numbers, only equal values are. An error that is not known is
    left out: that the items of one candidate are all alike makes another far from it no closer.
    """
    difference = abs(float(one[metric]) - float(other[metric]))
    errors = [error_of(values, metric) for values in (one, other)]
    parts = [(se**2, math.inf if df is None else df) for se, df in errors if se is not None]
    if not parts:
        return difference == 0
    df = welch_satterthwaite(parts)
    se = math.sqrt(sum(variance for variance, _ in parts))
    return difference <= quantile(None if math.isinf(df) else df) * se
