"""Several sweeps as one, so that trials of one recipe are replicates wherever they were run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from analysis.record.names import FIRST_VERSION, Tag
from analysis.record.sweep import Sweep

# How far the base model's goals may differ between two machines, as a share of the value.
TOLERANCE = 1e-3


class DoNotMatch(ValueError):
    """Two sweeps measure different things, so that their trials are no candidates of one front."""


def as_one(sweeps: Sequence[Sweep], /) -> Sweep:
    """Return one sweep with the trials of several; name, state and commit name those of all of them.

    Trials of the second sweep on are numbered anew: the numbers of a sweep begin after the largest one
    before it. `offsets` has where. Fingerprints of recipes are equal between sweeps of one release.
    What else a sweep has is that of the first.

    Args:
        sweeps: one or more sweeps of one store.

    Raises:
        DoNotMatch: a sweep has other goals, constraints or metrics, another base model or start of its
            texts, other data, or evaluators of another version or with other settings.
    """
    first = sweeps[0]
    for other in sweeps[1:]:
        if problem := _difference(first, other):
            raise DoNotMatch(
                f"{other.name} must measure what {first.name} does to be shown with it, but {problem}."
            )
    trials = pd.concat(
        [
            sweep.trials.assign(trial=sweep.trials["trial"] + offset)
            for sweep, offset in zip(sweeps, offsets(sweeps), strict=True)
        ],
        ignore_index=True,
    )
    trials["failure"] = trials["failure"].fillna("")
    params = sorted({name for sweep in sweeps for name in sweep.params})
    searched = list(dict.fromkeys(name for sweep in sweeps for name in sweep.searched))
    # A setting that is fixed in each sweep, and not the same in all, tells their trials apart. That one
    # plugin has it, and another has not, does not: their names tell those apart.
    of_plugins = {name.rpartition(".")[0] for name in params if name.endswith(".name")}
    told_apart = [
        name
        for name in params
        if trials[name].nunique(dropna=name.rpartition(".")[0] in of_plugins) > 1
    ]
    return replace(
        first,
        name=" + ".join(sweep.name for sweep in sweeps),
        state=" and ".join(dict.fromkeys(sweep.state for sweep in sweeps)),
        commit=" and ".join(dict.fromkeys(sweep.commit for sweep in sweeps if sweep.commit)),
        trials=trials,
        params=params,
        searched=list(dict.fromkeys([*searched, *told_apart])),
    )


def offsets(sweeps: Sequence[Sweep], /) -> list[int]:
    """Return what is added to the numbers of the trials of each sweep as they become one."""
    found, next_number = [], 0
    for sweep in sweeps:
        found.append(next_number)
        largest = -1 if sweep.trials.empty else int(sweep.trials["trial"].max())
        next_number += largest + 1
    return found


def _difference(one: Sweep, other: Sweep) -> str:
    """Return in what two sweeps differ that must be equal, as a clause; empty if in nothing."""
    if one.tracking_uri != other.tracking_uri:
        return "it is in another store"
    goals = [[goal.name for goal in sweep.goals] for sweep in (one, other)]
    if goals[0] != goals[1]:
        return f"its goals are {', '.join(goals[1])} and not {', '.join(goals[0])}"
    if one.constraints != other.constraints:
        return "its constraints are others"
    if missing := sorted(one.metrics.keys() ^ other.metrics.keys()):
        return f"only one of the two has the metric {missing[0]}"
    changed = [
        name
        for name, digest in one.digests.items()
        if name in other.digests and other.digests[name] != digest
    ]
    if changed:
        return f"the contents of {', '.join(changed)} are others"
    if problem := _other_definition(one, other) or _other_setting(one, other):
        return problem
    for goal in one.goals:
        values = [sweep.base.get(goal.name, math.nan) for sweep in (one, other)]
        if not math.isclose(*values, rel_tol=TOLERANCE, abs_tol=1e-9):
            return f"{goal.name} of its base model is {values[1]:g} and not {values[0]:g}"
    return ""


def _other_definition(one: Sweep, other: Sweep) -> str:
    """Return how two sweeps measured by other code or behind another start, as a clause; "" if not.

    Where a start is not recorded, it is not known.
    """
    starts = [sweep.definitions.get(Tag.START) for sweep in (one, other)]
    if None not in starts and starts[0] != starts[1]:
        return f"its texts begin behind {starts[1]!r} and not behind {starts[0]!r}"
    for name in sorted({*one.definitions, *other.definitions} - {Tag.START}):
        versions = [sweep.definitions.get(name, FIRST_VERSION) for sweep in (one, other)]
        if versions[0] != versions[1]:
            evaluator = name.removeprefix(Tag.EVALUATOR)
            return f"it measured with version {versions[1]} of {evaluator} and not {versions[0]}"
    return ""


def _other_setting(one: Sweep, other: Sweep) -> str:
    """Return a setting in which the evaluators of two sweeps differ, as a clause; empty if in none.

    A setting that one of them lacks is one that its release did not have. Where a sweep has several
    evaluators of a name, the one that is most alike counts.
    """
    ones, others = one.evaluators or [], other.evaluators or []
    for first in (each for each in ones if each not in others):
        found = []
        for second in (each for each in others if each not in ones):
            if second["name"] == first["name"]:
                keys = [key for key in first if key in second and second[key] != first[key]]
                found.append((keys, second))
        keys, second = min(found, key=lambda pair: len(pair[0]), default=([], {}))
        if keys:
            key = keys[0]
            values = ["left out" if each[key] is None else each[key] for each in (first, second)]
            return f"its evaluator {first['name']} has {key} {values[1]} and not {values[0]}"
    return ""
