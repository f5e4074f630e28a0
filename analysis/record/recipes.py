"""The replicates of a recipe as one candidate: their means, and errors that hold items and seeds.

A *recipe* is the settings of a trial without its seed, and the α of its weights. The trials of one
recipe are its *replicates*. Where the record has what each of three or more did on each item, the
variance of their mean and its degrees of freedom are those of analysis/record/replicates.py. Else, and
where the interval of a replicate reaches an end of the possible values, the errors e_r of n replicates
and the variance s² between their values count, and

    variance = mean_r e_r² + s² / n

It is the smallest one that is never too small: another seed may decide the same items alike and move
all of them together. Where it decides items anew, e_r² holds a part that shrinks with n, so that this
variance is up to n + 1 times too large.

At an end, as at a gap of 0, what items say of each replicate does not add up: each gap is above 0 by
chance, by what does not shrink with n, and gaps to either side of 50 would seem to be sure together.

Two replicates say next to nothing of s². By what their items say, or by Welch and Satterthwaite's
degrees of freedom, their intervals would hold the true value 86 % of the time in some cases. So they
have the degrees of freedom by which half their interval is √(Σ half²) of the intervals of items and of
seeds alone. One trial alone has the error of its items, which says nothing about seeds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import mean
from typing import Any, NamedTuple

import pandas as pd

from analysis.record.names import TrialState
from analysis.record.replicates import FEW_SEEDS, OfItems, Spread, careful_df, with_seeds
from trainables.metrics.bounds import ANY, Bounds
from trainables.metrics.interval import UNKNOWN_DF, reaches_an_end
from trainables.metrics.names import df_name, error_name, fused_name

SEED = "seed"  # the parameter in which replicates differ
STEP = "step"  # the column of the step after which a report measured; NaN for that at the end

# Takes MLflow's ids of the runs of replicates; returns what their items say, by the names of metrics as
# they were recorded.
ItemsOf = Callable[[Sequence[str]], Mapping[str, OfItems]]
NO_BOUNDS: Mapping[str, Bounds] = {}


def no_items(_: Sequence[str]) -> Mapping[str, OfItems]:
    """Return that no items are known, whatever the replicates."""
    return {}


def seed_in(cell: Any) -> int | None:
    """Return the seed in a cell of the column of seeds; None if it is none, or empty.

    >>> seed_in(3), seed_in("3"), seed_in(3.0), seed_in(math.nan), seed_in("x")
    (3, 3, 3, None, None)
    """
    try:
        return int(cell)
    except (TypeError, ValueError, OverflowError):
        return None


class RecipeMean(NamedTuple):
    """A number that several replicates have.

    se: its standard error; NaN for an exact number, or if it is not known.
    df: degrees of freedom of the error (trainables/metrics/interval.py has the rule).
    """

    value: float
    se: float
    df: float


def mean_over_seeds(
    values: Sequence[float],
    errors: Sequence[float],
    df: Sequence[float],
    of_items: OfItems | None = None,
    bounds: Bounds = ANY,
) -> RecipeMean:
    """Return the mean of one metric over replicates, with its error (see the head of this file).

    Args:
        values: finite, one for each of one or more replicates.
        errors: their standard errors over items; NaN as in RecipeMean.
        df: degrees of freedom of these. The smallest ones count.
        of_items: what the items of all replicates say; None if that is not known. It does not count
            for two of them, nor where the interval of any reaches an end of the possible values.
        bounds: the lowest and the highest possible value.

    Items alone, seeds alone, and both:

    >>> mean_over_seeds([2.0], [0.5], [9.0])
    RecipeMean(value=2.0, se=0.5, df=9.0)
    >>> mean_over_seeds([1.0, 3.0], [math.nan] * 2, [math.inf] * 2)
    RecipeMean(value=2.0, se=1.0, df=1.0)
    >>> round(mean_over_seeds([1.0, 3.0], [1.0] * 2, [math.inf] * 2).df, 2)
    1.17
    """
    num = len(values)
    if num == 1:
        return RecipeMean(values[0], errors[0], df[0])
    value = mean(values)  # exact, so that the order of the replicates does not show
    known = [error for error in errors if not math.isnan(error)]
    if UNKNOWN_DF in df or len(known) not in (0, num):
        return RecipeMean(value, math.nan, UNKNOWN_DF)
    between = math.fsum((x - value) ** 2 for x in values) / (num - 1)
    replicates = zip(values, errors, df, strict=True)
    is_at_an_end = bool(known) and any(reaches_an_end(*one, bounds) for one in replicates)
    if of_items is None or not known or num <= FEW_SEEDS or is_at_an_end:
        of_items = OfItems(math.fsum(error**2 for error in known) / num, 0.0)
    seeds = Spread(between, of_items.shared, num - 1.0)
    variance, mean_df = with_seeds(of_items.variance, min(df), [(seeds, 1 / num)])
    if variance == 0:
        return RecipeMean(value, math.nan, math.inf)
    of_seeds = variance - of_items.variance
    if num <= FEW_SEEDS and of_items.variance > 0 and of_seeds > 0:
        mean_df = careful_df([(of_items.variance, min(df)), (of_seeds, num - 1.0)])
    return RecipeMean(value, math.sqrt(variance), mean_df)


def recipe_rows(
    rows: pd.DataFrame,
    metrics: Sequence[str],
    items_of: ItemsOf = no_items,
    bounds: Mapping[str, Bounds] = NO_BOUNDS,
) -> pd.DataFrame:
    """Return a row for each recipe, step and α of some rows, in the order of their first trials.

    A row has the number, the run and the settings of the recipe's first trial, but for the seed, which
    is empty if it differs; the mean of each metric, with its error; the mean of `seconds`; and these
    columns:

        replicates: the number of trials in the mean, one for each seed.
        trials: their numbers, a tuple.
        repeats: the numbers of the trials that ran one of these seeds again, a tuple.

    Args:
        rows: rows of `Sweep.rows`. Rows whose `recipe` is empty are recipes of their own.
        metrics: names of metrics, without those of errors. A value that is missing is left out.
        items_of: is asked for recipes with more than FEW_SEEDS replicates only.
        bounds: the lowest and the highest possible value of each metric that has one.
    """
    numbers = rows["trial"].astype(str)
    keys = [rows["recipe"].where(rows["recipe"] != "", numbers), rows["alpha"]]
    keys += [rows[name] for name in rows if name == STEP]
    repeats: dict[Any, tuple[int, ...]] = {}
    if SEED in rows:  # a seed that was run again gives the same model, and is no further replicate
        is_repeat = pd.concat([*keys, rows[SEED]], axis=1).duplicated()
        again = rows[is_repeat].groupby([key[is_repeat] for key in keys], dropna=False)["trial"]
        repeats = {_key(key): tuple(numbers.tolist()) for key, numbers in again}
        rows = rows[~is_repeat]
        keys = [key[rows.index] for key in keys]
    own_repeats = [repeats.get(_key(key), ()) for key in zip(*keys, strict=True)]
    rows = rows.assign(repeats=pd.Series(own_repeats, rows.index, dtype=object))
    size = rows.groupby(keys, dropna=False)["trial"].transform("size")
    alone = rows[size == 1]
    own_numbers = [(number,) for number in alone["trial"].tolist()]
    # As objects, also where there are none: pandas would make an empty list a column of floats.
    alone = alone.assign(replicates=1, trials=pd.Series(own_numbers, alone.index, dtype=object))
    if len(alone) == len(rows):
        return alone
    if SEED in rows:  # a whole number, or empty
        rows, alone = (table.astype({SEED: object}) for table in (rows, alone))
    groups = rows.groupby(keys, sort=False, dropna=False)
    together = pd.DataFrame(
        [_recipe_row(g, metrics, items_of, bounds) for _, g in groups if len(g) > 1]
    )
    added = [name for name in together if name not in alone]  # errors that items alone do not have
    alone = alone.reindex(columns=[*alone.columns, *added])
    together = together.reindex(columns=alone.columns).astype(alone.dtypes.to_dict())
    joined = pd.concat([table for table in (alone, together) if len(table)]).copy()
    return joined.sort_values(["trial", "alpha"], na_position="first", ignore_index=True)


def _key(key: Any) -> tuple[Any, ...]:
    """Return the (recipe, α, step) of a row such that equal ones are equal; NaN equals nothing."""
    recipe, *places = key
    return recipe, *(None if math.isnan(place) else place for place in places)


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


def _recipe_row(
    group: pd.DataFrame,
    metrics: Sequence[str],
    items_of: ItemsOf,
    bounds: Mapping[str, Bounds],
) -> dict[Any, Any]:
    """Return the row of one recipe, given the rows of its replicates in the order of their numbers."""
    row: dict[Any, Any] = group.iloc[0].to_dict()
    row |= {"replicates": len(group), "trials": tuple(group["trial"].tolist())}
    row["seconds"] = group["seconds"].mean()
    if SEED in group and group[SEED].nunique(dropna=False) > 1:
        row[SEED] = None
    for name in metrics:
        measured = group[group[name].notna()]
        if measured.empty:
            continue
        nothing = pd.Series(math.nan, measured.index)
        se, df = (measured.get(of(name), nothing) for of in (error_name, df_name))
        recorded = name if pd.isna(row["alpha"]) else fused_name(name, row["alpha"])
        has_items = pd.isna(row.get(STEP))  # which are kept of the end of a training alone
        counts = has_items and len(measured) > FEW_SEEDS and se.notna().all()
        of_items = items_of(measured["run_id"].tolist()).get(recorded) if counts else None
        errors, dfs = se.tolist(), df.fillna(math.inf).tolist()
        values = measured[name].tolist()
        mean_of_all = mean_over_seeds(values, errors, dfs, of_items, bounds.get(name, ANY))
        row[name] = mean_of_all.value
        for column, number in ((error_name(name), mean_of_all.se), (df_name(name), mean_of_all.df)):
            if math.isfinite(number):
                row[column] = number
            elif column in group:
                row[column] = math.nan
    return row
