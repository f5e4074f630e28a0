"""Results of trials that a damaged record has lost, and what the search still knows of them.

The search is told of an end after the reports and before the end are in the journal of the record. So a
record that lacks the last report of a complete trial, or its items, has lost them. Such a trial is not
run again, as the search has its costs, and is not complete in the record: it gets what the search
knows, and a state of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import optuna
from optuna.trial import FrozenTrial, TrialState

from analysis.record import names
from analysis.record.names import Artifact, Series, Tag
from sweep.outcome import Outcome
from sweep.search.requests import request_of
from sweep.search.study import outcomes
from sweep.tracking.artifacts import has_artifact
from sweep.tracking.entries.kinds import Attached
from sweep.trial_request import TrialRequest
from sweep.workers.result import FULL_PROGRESS

if TYPE_CHECKING:
    from mlflow.entities import Run

    from sweep.config.spec import SweepSpec
    from sweep.tracking.mlflow_record import Record
    from sweep.tracking.outbox import Outbox


class LostResult(NamedTuple):
    """A trial that has ended, of which the record lacks something.

    outcome: as the search knows it.
    request: what it ran, for its settings.
    lacks: what is lost for good, in words; empty if nothing is.
    values: of the goals, by name, as far as the search knows them; none if nothing is lost.
    """

    outcome: Outcome
    request: TrialRequest
    lacks: str
    values: Mapping[str, float]

    @property
    def reason(self) -> str:
        """Why the trial is not complete in the record, in a sentence."""
        return f"the record lacks {self.lacks}, which a part of its journal held that is gone"


def lost_results(
    study: optuna.Study,
    spec: SweepSpec,
    runs: Iterable[Run],
    has_items: Callable[[Run], bool],
    *,
    deleted: Collection[int] = (),
) -> list[LostResult]:
    """Return the trials of which the record lacks something that the search or nobody knows.

    runs: of all trials, as MLflow has them after all that the journal holds was delivered.
    has_items: whether the items of a run are recorded, if they must be.
    deleted: numbers of trials whose runs a user has deleted.
    """
    run_of = {names.trial_in(run.data.tags): run for run in runs}
    trials = {trial.number: trial for trial in study.get_trials(deepcopy=False)}
    found = []
    for outcome in outcomes(study):
        if outcome.number in deleted:
            continue
        run, lacks = run_of.get(outcome.number), ""
        if run is not None and run.data.tags.get(Tag.STATE) == names.TrialState.LOST:
            continue
        if outcome.state == names.TrialState.COMPLETE:
            if run is None or not _has_last_report(run, spec):
                lacks = "its last report"
            elif not has_items(run):
                lacks = Artifact.ITEMS
        request = request_of(trials[outcome.number], spec)
        has_settings = run is not None and (bool(request.fault) or Tag.FINGERPRINT in run.data.tags)
        if lacks or not has_settings:
            values = _values(trials[outcome.number], spec) if lacks else {}
            found.append(LostResult(outcome, request, lacks, values))
    return found


def _has_last_report(run: Run, spec: SweepSpec) -> bool:
    """Return whether the last report of a complete trial is in its run."""
    metrics: dict[str, float] = run.data.metrics
    return metrics.get(Series.PROGRESS, 0.0) >= FULL_PROGRESS and {*spec.goals} <= metrics.keys()


def _values(trial: FrozenTrial, spec: SweepSpec) -> dict[str, float]:
    """Return the values of the goals that follow from the costs of a trial, by name."""
    if trial.state != TrialState.COMPLETE:
        return {}
    metrics = spec.metrics()
    costs = zip(spec.goals, trial.values, strict=True)
    values = {goal: metrics[goal].value_of(cost) for goal, cost in costs}
    return {goal: value for goal, value in values.items() if value is not None}


def must_have_items(record: Record, outbox: Outbox, runs: Sequence[Run]) -> Callable[[Run], bool]:
    """Return a function that says whether a run has the items of its trial, if it must have some.

    It must if the sweep's own run has those of the base model. Those that the journal holds were
    delivered, or refused, or went with an earlier store: what of them is not there was said, and is not
    lost by the journal. A run that has ended had them delivered before its end; it is looked at only if
    the journal was damaged.
    """
    is_sure = not outbox.is_damaged
    if is_sure and all(Tag.STATE in run.data.tags for run in runs):
        return lambda run: True
    if not has_artifact(record.tracking_uri, record.run_id, Artifact.ITEMS):
        return lambda run: True
    in_journal = {
        str(entry.trial)
        for entry in outbox.delivered_entries()
        if isinstance(entry, Attached) and Path(entry.file).name == Artifact.ITEMS
    }

    def has_items(run: Run) -> bool:
        if run.data.tags[Tag.TRIAL] in in_journal or (is_sure and Tag.STATE in run.data.tags):
            return True
        return has_artifact(record.tracking_uri, run.info.run_id, Artifact.ITEMS)

    return has_items
