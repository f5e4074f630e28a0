"""Compare the recipes of two candidates, each with all its replicates (analysis/stats/seeds.py)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import mean
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.record.candidate import Candidate
from analysis.record.items import read_items
from analysis.record.names import TrialState
from analysis.record.replicates import Replicates, Spread, spread, spread_beside
from analysis.record.sweep import Sweep, run_id_of
from analysis.stats.paired import COLUMNS, NOTHING, are_same, within_bounds
from analysis.stats.seeds import NO_SEEDS, seeds_test
from trainables.metrics.interval import UNKNOWN_DF

SEED_COLUMNS = ["seeds_one", "seeds_other"]

Member = Candidate | None  # None stands for the base model
Read = Callable[[Member], pd.DataFrame]


class _Side(NamedTuple):
    """One metric of a recipe: its replicates, and a row for each item, which are the same for all."""

    replicates: Replicates
    items: pd.DataFrame


def replicates_of(sweep: Sweep, candidate: Candidate, /) -> list[Candidate]:
    """Return the complete replicates of a candidate's recipe, each at the candidate's α, by number.

    There is one for each seed, and a trial that ran one of their seeds again is not among its own
    replicates. A trial that is no replicate of a complete one stands for itself.

    Raises:
        ValueError: the sweep has no such trial.
    """
    run_id_of(sweep, candidate.trial)
    for group, repeats in _groups(sweep):
        if candidate in (*group, *repeats):
            return group
    return [candidate]


def are_replicates(sweep: Sweep, one: Member, other: Member, /) -> bool:
    """Return whether two candidates are different trials of one recipe at the same α.

    Raises:
        ValueError: the sweep has no such trial.
    """
    if one is None or other is None or one == other:
        return False
    return replicates_of(sweep, one) == replicates_of(sweep, other)


def compare_recipes(sweep: Sweep, first: Member, second: Member, /) -> pd.DataFrame:
    """Return a table with a row for each metric of which both recipes have items.

    Columns: those of `compare` in analysis/stats/paired.py, of the means over replicates, and
    seeds_one, seeds_other: the numbers of replicates, 0 for the base model. Two trials of one recipe
    are compared as if each were the only trial of its recipe.

    The spread between seeds is that of each recipe's own replicates: other recipes, such as one with a
    tenth of its learning rate, may spread far less. Of two trials of one recipe it is that beside them
    (`spread_beside`). Of a recipe of one trial, and of two trials that are all of their recipe, se,
    df, low, high and p are NaN. They and the difference are NaN if the trials were not all measured
    on the very same items.

    Args:
        first, second: candidates whose recipes are compared; None stands for the base model.

    Raises:
        ValueError: the sweep has no such trial, or no items of it.
    """
    known: dict[Member, pd.DataFrame] = {}

    def read(member: Member) -> pd.DataFrame:
        if member not in known:
            items = read_items(sweep, member)
            known[member] = items.dropna(subset=["item"])
        return known[member]

    candidates = (first, second)
    is_one_recipe = are_replicates(sweep, first, second)
    groups: list[list[Member]] = [
        [candidate] if candidate is None else [*replicates_of(sweep, candidate)]
        for candidate in candidates
    ]
    members = [[candidate] for candidate in candidates] if is_one_recipe else groups
    everyone = {member for group in members for member in group}
    is_one = members[0] == members[1]  # a recipe and itself
    is_same = is_one or are_same([read(member) for member in everyone])
    rows = []
    for name in read(first)["metric"].unique():
        sides = [_side(group, str(name), read) for group in members]
        if (one := sides[0]) is None or (other := sides[1]) is None:
            continue
        if is_one_recipe:
            spreads = [_spread(groups[0], str(name), read, beside=candidates)]
        else:
            spreads = [_spread(group, str(name), read) for group in groups]
        rows.append(
            _row(sweep, str(name), (one, other), spreads, is_same=is_same)
            | {
                column: 0 if group == [None] else len(group)
                for column, group in zip(SEED_COLUMNS, members, strict=True)
            }
        )
    return pd.DataFrame(rows, columns=[*COLUMNS, *SEED_COLUMNS])


def _row(
    sweep: Sweep,
    name: str,
    sides: tuple[_Side, _Side],
    spreads: Sequence[Spread | None],
    *,
    is_same: bool,
) -> dict[str, Any]:
    """Return the row of one metric, without the numbers of replicates.

    is_same: whether all replicates of both recipes are the same model.
    """
    one, other = sides
    metric = sweep.metrics.get(name)
    values = [mean(side.replicates.values_R.tolist()) for side in sides]
    shared = one.items.index.intersection(other.items.index)
    clusters = one.items.loc[shared, "cluster"]
    has_same_items = len(shared) == len(one.items) == len(other.items)
    test, df = NOTHING, UNKNOWN_DF
    if has_same_items:
        order = [side.items.index.get_indexer(shared) for side in sides]
        aligned = [
            side.replicates._replace(influences_RI=side.replicates.influences_RI[:, places])
            for side, places in zip(sides, order, strict=True)
        ]
        cluster_I = np.unique(clusters.to_numpy(str), return_inverse=True)[1]
        test, df = seeds_test(
            (aligned[0], aligned[1]),
            spreads,
            cluster_I,
            of_decisions=bool(one.items["decisions"].all() and other.items["decisions"].all()),
            is_same=is_same,
        )
    return {
        "metric": name,
        "unit": metric.unit if metric else "",
        "one": values[0],
        "other": values[1],
        "difference": values[1] - values[0] if has_same_items else math.nan,
        "df": df if 0 < df < math.inf else math.nan,
        **within_bounds(test, metric)._asdict(),
        "items": len(shared),
        "clusters": clusters.nunique(),
    }


def _side(members: list[Member], name: str, read: Read) -> _Side | None:
    """Return one metric of a recipe; None if a replicate has no items of it.

    Values are NaN if the replicates were not all measured on the same items.
    """
    frames = []
    for member in members:
        rows = read(member)
        frames.append(rows[rows["metric"] == name].set_index("item"))
    if any(frame.empty for frame in frames):
        return None
    items = frames[0].assign(cluster=frames[0]["cluster"].fillna(frames[0].index.to_series()))
    is_same = all(set(frame.index) == set(items.index) for frame in frames)
    values_R = np.array([frame["value"].iloc[0] if is_same else math.nan for frame in frames])
    influences_RI = np.array([frame["influence"].reindex(items.index) for frame in frames])
    df = min(float(frame["design_df"].iloc[0]) for frame in frames)
    return _Side(Replicates(values_R, influences_RI, df), items)


def _spread(
    members: list[Member], name: str, read: Read, beside: tuple[Member, Member] | None = None
) -> Spread | None:
    """Return the spread between the seeds of a recipe; None if nothing is known of it.

    Args:
        members: all replicates of the recipe, or the base model alone.
        beside: two of them whose own difference is left out.
    """
    if members == [None]:
        return NO_SEEDS
    side = _side(members, name, read) if len(members) > (2 if beside else 1) else None
    if side is None or np.isnan(side.replicates.values_R).any():
        return None
    cluster_I = np.unique(side.items["cluster"].to_numpy(str), return_inverse=True)[1]
    if beside and {*beside} <= {*members}:
        places = members.index(beside[0]), members.index(beside[1])
        return spread_beside(side.replicates, places, cluster_I)
    return spread(side.replicates, cluster_I)  # a seed that was run again is no replicate


def _groups(sweep: Sweep) -> list[tuple[list[Candidate], list[Candidate]]]:
    """Return (replicates, trials that ran a seed again) of each recipe that is complete, at each α."""
    groups = []
    for row in sweep.candidates().to_dict("records"):
        if row["state"] == TrialState.COMPLETE:
            alpha = Candidate.of(row).alpha
            replicates, repeats = (
                [Candidate(number, alpha) for number in row[column]]
                for column in ("trials", "repeats")
            )
            groups.append((replicates, repeats))
    return groups
