"""Candidates that their measurements do not tell apart.

Two candidates are *tied* if in every goal their difference is within its own 95 % interval. The errors
are those of two unpaired numbers,

    se² = se_one² + se_other²,    df by Welch and Satterthwaite

because the items of every candidate would have to be read for a paired test. That test
(analysis/stats/paired.py) may tell apart what is tied here.

An error that is not known is taken to be as large as that of the other candidate. Within it a
difference may be noise or not: two candidates that no other goal tells apart are then *maybe tied*. So
they are where both errors are not known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from analysis.record.candidate import BASE, Candidate
from analysis.record.sweep import Sweep
from analysis.record.table import error_of
from trainables.metrics.clusters import welch_satterthwaite
from trainables.metrics.interval import UNKNOWN_DF, quantile

Values = Mapping[Any, Any]  # of a candidate, by the columns of `Sweep.candidates`


class Ties(NamedTuple):
    """The members of a front that a candidate is not told apart from, by their names.

    tied: those that it is tied with.
    maybe: those that it is maybe tied with.
    """

    tied: list[str]
    maybe: list[str]


def ties(sweep: Sweep, rows: pd.DataFrame, /) -> dict[str, Ties]:
    """Return the members of the front that each candidate is not told apart from, by its name.

    The base model is `base`; it is among the members if it is on the front, and among the candidates.

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
        name: _ties_of(values, {other: of for other, of in members.items() if other != name}, goals)
        for name, values in candidates.items()
    }


def _ties_of(values: Values, others: Mapping[str, Values], goals: Sequence[str]) -> Ties:
    """Return those of the other members, by name, that a candidate is not told apart from."""
    found = Ties([], [])
    for name, other in others.items():
        answers = {is_noise(values, other, goal) for goal in goals}
        if False not in answers:
            (found.maybe if None in answers else found.tied).append(name)
    return found


def is_noise(one: Values, other: Values, metric: str) -> bool | None:
    """Return whether the difference of a metric between two candidates is within its 95 % interval.

    Equal values are, whatever their errors. The answer is None where that is not known (see above), as
    of a model that got all items right.
    """
    difference = abs(float(one[metric]) - float(other[metric]))
    if difference == 0:
        return True
    errors = [error_of(values, metric) for values in (one, other)]
    parts = [(se**2, df) for se, df in errors if se is not None and df != UNKNOWN_DF]
    has_unknown = any(df == UNKNOWN_DF for _, df in errors)
    if not parts:
        return None if has_unknown else False
    if has_unknown:
        parts *= 2
    df = welch_satterthwaite(parts)
    se = math.sqrt(sum(variance for variance, _ in parts))
    is_within = difference <= quantile(df) * se
    return None if is_within and has_unknown else is_within
