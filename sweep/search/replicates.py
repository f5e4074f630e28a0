"""Replicates in an Optuna study: trials with the parameters of another one, and another seed.

Each is a trial of its own, with a number and results of its own, that the search enqueues with fixed
parameters. The samplers see it as one more measurement at the same place: they model noise, and a mean
over replicates that end at different times would have no place in Optuna's study.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import optuna
from optuna.trial import FrozenTrial

from sweep.space import draw
from sweep.trial_request import REPLICATE_OF, RETRY_OF

if TYPE_CHECKING:
    from sweep.config.spec import SweepSpec
    from sweep.tracking.control_requests import Rerun

# User attributes of trials in a study, beside those of sweep/trial_request.py.
SEED = "seed"  # of a replicate; other trials have the seed that their parameters give
RERUN = "rerun"  # the request for a replicate beyond the budget, as NUMBER:SEED
IS_ALONE = "is_alone"  # what was drawn is no valid trial, so it gets no replicates


class Replicate(NamedTuple):
    """A replicate that is still to be enqueued, with the attributes that it gets in the study."""

    params: dict[str, Any]
    user_attrs: dict[str, Any]


def seed_of(trial: FrozenTrial, spec: SweepSpec) -> int:
    """Return the seed of a trial whose parameters are all drawn."""
    if SEED in trial.user_attrs:
        return int(trial.user_attrs[SEED])
    tree = draw.suggest(spec.trial, optuna.trial.FixedTrial(trial.params))
    return int(tree.get("seed", 0))


def next_missing(known: Sequence[FrozenTrial], spec: SweepSpec) -> Replicate | None:
    """Return the next replicate that a drawn recipe lacks; None if every recipe has all its seeds.

    Recipes come in the order of their first trials, seeds in ascending order from that of the first
    trial on. A recipe that is drawn again gets none: they would be those that it has. Every trial must
    have been suggested with all its parameters.

    known: all trials of the study, in the order of their numbers.
    """
    if spec.replicates.seeds == 1:
        return None
    seeds: defaultdict[int, set[int]] = defaultdict(set)
    for trial in known:
        if REPLICATE_OF in trial.user_attrs:
            seeds[trial.user_attrs[REPLICATE_OF]].add(trial.user_attrs[SEED])
    drawn: set[frozenset[tuple[str, Any]]] = set()
    for trial in known:
        settings = frozenset((key, value) for key, value in trial.params.items() if key != SEED)
        is_first = not {REPLICATE_OF, RETRY_OF, IS_ALONE} & trial.user_attrs.keys()
        is_first &= settings not in drawn
        drawn.add(settings)
        if is_first and len(seeds[trial.number]) < spec.replicates.seeds - 1:
            first = seed_of(trial, spec)
            for seed in range(first + 1, first + spec.replicates.seeds):
                if seed not in seeds[trial.number]:
                    attrs = {REPLICATE_OF: trial.number, SEED: seed}
                    return Replicate(trial.params, attrs)
    return None


def to_rerun(known: Sequence[FrozenTrial], requested: Iterable[Rerun]) -> Iterator[Replicate]:
    """Yield the requested replicates that the study does not have yet, in the order of their numbers.

    known: all trials of the study, in the order of their numbers.
    """
    begun = {trial.user_attrs.get(RERUN) for trial in known}
    for rerun in sorted(requested):
        if str(rerun) in begun or rerun.trial >= len(known):
            continue
        trial = known[rerun.trial]
        first = trial.user_attrs.get(REPLICATE_OF, trial.number)
        attrs = {REPLICATE_OF: first, SEED: rerun.seed, RERUN: str(rerun)}
        yield Replicate(trial.params, attrs)


def retry_attrs(failed: FrozenTrial) -> dict[str, Any]:
    """Return the attributes of a trial that repeats a failed one, with its seed."""
    kept = {key: failed.user_attrs[key] for key in (REPLICATE_OF, SEED) if key in failed.user_attrs}
    return {RETRY_OF: failed.number} | kept


def is_beyond_budget(trial: FrozenTrial) -> bool:
    """Return whether a trial was requested by a user, and not by the budget."""
    return RETRY_OF in trial.user_attrs or RERUN in trial.user_attrs
