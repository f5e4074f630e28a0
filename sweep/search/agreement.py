"""Whether a search knows the trials that have ended as their record has them.

The search is told of an end first and the record second, with the same numbers. Where the two differ,
one of them was changed, and what the search would suggest next rests on results that no trial had.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import optuna
from optuna.trial import FrozenTrial, TrialState

from analysis.record import names
from analysis.record.names import Tag, name_in_spec
from sweep.search.requests import request_of
from sweep.search.study import OPTUNA_STATES, outcomes
from sweep.space.names import searched_names
from trainables.config import TrialConfig
from trainables.schema.counted import counted

if TYPE_CHECKING:
    from mlflow.entities import Run

    from sweep.config.spec import SweepSpec

# How far costs may differ that are the same: a trial that began again on another machine reports its
# last step anew, with other rounding, and the record keeps the first report.
TOLERANCES = {"rel_tol": 1e-3, "abs_tol": 1e-6}  # of math.isclose


def unknown_ends(study: optuna.Study, runs: Iterable[Run]) -> list[int]:
    """Return the numbers of trials that have ended by their runs and not by a study, sorted.

    The study is told first, so that it is then an older copy.
    """
    known = {outcome.number for outcome in outcomes(study)}
    ended = {names.trial_in(run.data.tags) for run in runs if Tag.STATE in run.data.tags}
    return sorted(ended - known)


def first_difference(
    study: optuna.Study, spec: SweepSpec, runs: Iterable[Run]
) -> tuple[int, str] | None:
    """Return (number, clause) of the first trial of which study and record disagree; None if of none.

    Of trials that have ended in both, the state is compared and, of complete ones, the costs of the
    goals and the searched parameters; of trials that run in both, these parameters. A trial that is
    recorded is in the search, unless that is an older copy.

    runs: of all trials, as MLflow has them.
    """
    recorded = {names.trial_in(run.data.tags): run for run in runs}
    for trial in study.get_trials(deepcopy=False):
        run = recorded.pop(trial.number, None)
        if run is None or run.data.tags.get(Tag.STATE) == names.TrialState.LOST:
            continue
        clause = ""
        if Tag.STATE in run.data.tags:
            clause = _difference(trial, spec, run)
        elif trial.state == TrialState.RUNNING and run.data.params:
            clause = _other_parameter(trial, spec, run)
        if clause:
            return trial.number, clause
    return (min(recorded), "is not there, but is in the record") if recorded else None


def _difference(trial: FrozenTrial, spec: SweepSpec, run: Run) -> str:
    """Return how a trial differs from its run, as a clause without a subject; empty if it does not."""
    known = {state: name for name, state in OPTUNA_STATES.items()}.get(trial.state, "not ended")
    state = run.data.tags[Tag.STATE]
    if known != state:
        return f"is {known}, and {state} in the record"
    if trial.state != TrialState.COMPLETE:
        return ""
    metrics, costs = spec.metrics(), trial.values or []
    if len(costs) != len(spec.goals):
        return (
            f"has {counted(len(costs), 'cost')}, and the sweep {counted(len(spec.goals), 'goal')}"
        )
    for goal, cost in zip(spec.goals, costs, strict=True):
        if (value := run.data.metrics.get(goal)) is not None:
            expected = metrics[goal].cost(value)
            if not math.isclose(cost, expected, **TOLERANCES):
                return f"has a cost of {cost:.6g} in {goal}, and {expected:.6g} by the record"
    return _other_parameter(trial, spec, run)


def _other_parameter(trial: FrozenTrial, spec: SweepSpec, run: Run) -> str:
    """Return the first searched parameter in which a trial differs from its run, as a clause."""
    request = request_of(trial, spec)
    if request.fault:
        return "has parameters that make no trial of the sweep"
    settings = TrialConfig.model_validate(request.trial).flat()
    searched = {*searched_names(spec.trial)}
    for name, value in settings.items():
        recorded = run.data.params.get(name)
        if {name, name_in_spec(name)} & searched and recorded not in (None, str(value)):
            return f"has {value} for {name}, and {recorded} in the record"
    return ""
