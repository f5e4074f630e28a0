"""The replicates of a recipe as one candidate: their means, and errors that hold items and seeds.

A *recipe* is the settings of a trial without its seed, and the α of its weights. The trials of one
recipe are its *replicates*. For n of them with values x_r, and standard errors e_r over the items that
all of them share,

    value = mean_r x_r,    variance = mean_r e_r² + s² / n,    s² = Σ_r (x_r − value)² / (n − 1)

The part of the items does not shrink with n: more seeds make no more items. The degrees of freedom are
Welch and Satterthwaite's for three replicates or more. By those, intervals of two replicates would hold
the true value 88 % of the time where seeds spread more than items. So two have the degrees of freedom
by which half their interval is √(Σ half²) of the intervals of items and of seeds alone. One trial alone
has the error of its items, which says nothing about seeds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import mean
from typing import Any, NamedTuple

import pandas as pd

from analysis.record.names import TrialState
from trainables.metrics.clusters import welch_satterthwaite
from trainables.metrics.interval import UNKNOWN_DF, quantile
from trainables.metrics.names import df_name, error_name

SEED = "seed"  # the parameter in which replicates differ
FEW_SEEDS = 2  # up to which Welch and Satterthwaite's intervals are too short


class Pooled(NamedTuple):
    """A number that several replicates have, as the table of trials holds it.

    se: its standard error; NaN for an exact number, or if it is not known.
    df: degrees of freedom of the error; NaN for many, or of an exact number; UNKNOWN_DF if se is not
        known.
    """

    value: float
    se: float
    df: float


def pool(values: Sequence[float], errors: Sequence[float], df: Sequence[float]) -> Pooled:
    """Return the mean of one metric over replicates, with its error (see the head of this file).

    Args:
        values: finite, one for each of one or more replicates.
        errors: their standard errors over items; NaN as in Pooled.
        df: degrees of freedom of these; NaN as in Pooled. The smallest ones count.

    Items alone, seeds alone, and both:

    >>> pool([2.0], [0.5], [9.0])
    Pooled(value=2.0, se=0.5, df=9.0)
    >>> pool([1.0, 3.0], [math.nan] * 2, [math.nan] * 2)
    Pooled(value=2.0, se=1.0, df=1.0)
    >>> round(pool([1.0, 3.0], [1.0] * 2, [math.nan] * 2).df, 2)
    1.17
    """
    num = len(values)
    if num == 1:
        return Pooled(values[0], errors[0], df[0])
    value = mean(values)  # exact, so that the order of the replicates does not show
    known = [error for error in errors if not math.isnan(error)]
    if UNKNOWN_DF in df or len(known) not in (0, num):
        return Pooled(value, math.nan, UNKNOWN_DF)
    of_items = math.fsum(error**2 for error in known) / num
    of_seeds = math.fsum((x - value) ** 2 for x in values) / (num - 1) / num
    df_of_items = min((x for x in df if not math.isnan(x)), default=math.inf)
    parts = [(of_items, df_of_items), (of_seeds, num - 1.0)]
    parts = [(variance, df) for variance, df in parts if variance > 0]
    if not parts:
        return Pooled(value, math.nan, math.nan)
    few = welch_satterthwaite(parts) if num > FEW_SEEDS else _careful_df(parts)
    return Pooled(value, math.sqrt(of_items + of_seeds), math.nan if math.isinf(few) else few)


def _careful_df(parts: Sequence[tuple[float, float]]) -> float:
    """Return the degrees of freedom by which half a 95 % interval is √(Σ half²) of those of its parts.

    parts: (variance, degrees of freedom) of each.
    """
    squared = sum(variance * _quantile(df) ** 2 for variance, df in parts)
    wanted = math.sqrt(squared / sum(variance for variance, _ in parts))
    low, high = min(df for _, df in parts), max(df for _, df in parts)
    if _quantile(high) == wanted:
        return high
    high = min(high, 1e9)
    for _ in range(60):  # halvings, by which the ends meet to rounding
        middle = (low + high) / 2
        low, high = (middle, high) if _quantile(middle) > wanted else (low, middle)
    return high


def _quantile(df: float) -> float:
    """Return the quantile of half a 95 % interval; infinite degrees of freedom are the normal ones."""
    return quantile(None if math.isinf(df) else df)


def pool_rows(rows: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Return a row for each recipe and α of some rows, in the order of their first trials.

    A row has the number, the run and the settings of the recipe's first trial, but for the seed, which
    is empty if it differs; the mean of each metric, with its error; the mean of `seconds`; and two new
    columns:

        replicates: the number of trials in the mean, one for each seed.
        trials: their numbers, as words.

    Args:
        rows: rows of `Sweep.rows`. Rows whose `recipe` is empty are recipes of their own.
        metrics: names of metrics, without those of errors. A value that is missing is left out.
    """
    numbers = rows["trial"].astype(str)
    keys = [rows["recipe"].where(rows["recipe"] != "", numbers), rows["alpha"]]
    if SEED in rows:  # a seed that was run again gives the same model, and is no further replicate
        rows = rows[~pd.concat([*keys, rows[SEED]], axis=1).duplicated()]
        keys = [key[rows.index] for key in keys]
    size = rows.groupby(keys, dropna=False)["trial"].transform("size")
    alone = rows[size == 1]
    alone = alone.assign(replicates=1, trials=alone["trial"].astype(str))
    if len(alone) == len(rows):
        return alone
    if SEED in rows:  # a whole number, or empty
        rows, alone = (table.astype({SEED: object}) for table in (rows, alone))
    groups = rows.groupby(keys, sort=False, dropna=False)
    together = pd.DataFrame([_pooled_row(g, metrics) for _, g in groups if len(g) > 1])
    added = [name for name in together if name not in alone]  # errors that items alone do not have
    alone = alone.reindex(columns=[*alone.columns, *added])
    together = together.reindex(columns=alone.columns).astype(alone.dtypes.to_dict())
    joined = pd.concat([table for table in (alone, together) if len(table)]).copy()
    return joined.sort_values(["trial", "alpha"], na_position="first", ignore_index=True)


def failed_seeds(trials: pd.DataFrame) -> dict[str, int]:
    """Return by recipe with how many seeds it failed, and was never complete; others are left out.

    A mean over the other seeds is that of runs that did not diverge, so it must not be shown alone.

    trials: as in `Sweep.trials`.
    """
    if SEED not in trials:
        return {}
    named = trials[trials["recipe"] != ""]
    states = named.groupby(["recipe", SEED])["state"].agg(set)
    lost = [TrialState.FAILED in found and TrialState.COMPLETE not in found for found in states]
    return {str(r): int(n) for r, n in states[lost].groupby("recipe").size().items()}


def _pooled_row(group: pd.DataFrame, metrics: Sequence[str]) -> dict[Any, Any]:
    """Return the row of one recipe, given the rows of its replicates in the order of their numbers."""
    row: dict[Any, Any] = group.iloc[0].to_dict()
    row |= {"replicates": len(group), "trials": " ".join(map(str, group["trial"]))}
    row["seconds"] = group["seconds"].mean()
    if SEED in group and group[SEED].nunique(dropna=False) > 1:
        row[SEED] = None
    for name in metrics:
        measured = group[group[name].notna()]
        if measured.empty:
            continue
        se, df = (
            measured[column].tolist() if column in measured else [math.nan] * len(measured)
            for column in (error_name(name), df_name(name))
        )
        pooled = pool(measured[name].tolist(), se, df)
        row[name] = pooled.value
        for column, number in ((error_name(name), pooled.se), (df_name(name), pooled.df)):
            if column in group or not math.isnan(number):
                row[column] = number
    return row
