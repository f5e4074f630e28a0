"""A ray.tune Callback that writes what happens to the trials of a sweep into its outbox."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ray.tune import Callback

from analysis.record.names import Artifact, Group, Tag, TrialState, digests_in, trial_in
from sweep.config.inputs import sets_of
from sweep.tracking.entries.kinds import Closed, Opened, Reported, Status, Tagged, now
from sweep.tracking.outbox import Outbox
from sweep.tracking.provenance.trial_yaml import trial_yaml
from sweep.trial_request import TrialRequest
from sweep.workers.checkpoints import CheckpointStores, folder_name
from sweep.workers.memory import in_halves
from sweep.workers.result import TrialResult, recorded_training
from trainables.config import TrialConfig
from trainables.schema.text.masking import masked

if TYPE_CHECKING:
    from mlflow.entities import Run

    from analysis.record.names import EndState
    from sweep.config.spec import SweepSpec
    from sweep.outcome import Outcome
    from sweep.tracking.mlflow_record import Record

log = logging.getLogger(__name__)

STATUS: dict[EndState, Status] = {
    TrialState.COMPLETE: "FINISHED",
    TrialState.PRUNED: "FINISHED",
    TrialState.FAILED: "FAILED",
}
MAX_REASON_CHARS = 5000  # characters; MLflow takes 8,000 in a tag


@dataclass(frozen=True)
class AlreadyRecorded:
    """What the record of a sweep holds before this process begins.

    last_steps: the last recorded step of each trial, by its number.
    has_base: whether the metrics of the base model are recorded.
    space_version: the version of the search space from which trials are drawn, see
        sweep/search/versions.py; None if none is drawn.
    with_version: numbers of the trials whose version of the space is recorded, which stays.
    digests: the sha256 of each data set, by the name that preflight.prepare gives it.
    """

    last_steps: Mapping[int, int] = field(default_factory=dict)
    has_base: bool = False
    space_version: int | None = 1
    with_version: Collection[int] = ()
    digests: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_record(cls, record: Record, space_version: int | None) -> AlreadyRecorded:
        """Read all but the version from MLflow."""
        tags = [run.data.tags for run in record.trial_runs()]
        with_version = frozenset(trial_in(t) for t in tags if Tag.SPACE_VERSION in t)
        has_base, digests = record.has_base_metrics(), digests_in(record.tags())
        return cls(record.last_steps(), has_base, space_version, with_version, digests)


class Recorder(Callback):  # type: ignore[misc]
    """Puts each step of each trial, its files and its end into the outbox, once.

    A trial that is run again, from a checkpoint or from its start, reports steps that are recorded
    already; they are left out.

    stores: where workers leave checkpoints and models. They are deleted once a trial has ended, and
        not before.
    """

    def __init__(
        self,
        spec: SweepSpec,
        outbox: Outbox,
        already_recorded: AlreadyRecorded,
        stores: CheckpointStores,
    ) -> None:
        self._spec = spec
        self._outbox = outbox
        self._space_version = already_recorded.space_version
        self._with_version = already_recorded.with_version
        self._digests = already_recorded.digests
        self._last_steps = dict(already_recorded.last_steps)
        self._has_base = already_recorded.has_base
        self._stores = stores
        self._open_trials: set[int] = set()

    def __getstate__(self) -> dict[str, Any]:
        """Return no state: Tune pickles its callbacks, but the outbox remembers what is recorded."""
        return {}

    def on_trial_start(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        """Record that a trial begins, with its configuration, its data sets and its tags.

        Of a trial whose drawn configuration is not valid, only the beginning is recorded.
        """
        request = TrialRequest.of(trial.config)
        self._open_trials.add(request.number)
        is_new = request.number not in self._with_version
        self.open_trial(request, self._space_version if is_new else None)

    def open_trial(self, request: TrialRequest, space_version: int | None = None) -> None:
        """Record the beginning and the settings of a trial, as `on_trial_start` does.

        space_version: of the search space that it was drawn from; None leaves what is recorded.
        """
        number = request.number
        tags = {Tag.ON_FRONT: "false", Tag.REASON: ""}
        opened = Opened(trial=number, at=now(), tags=tags)
        if not request.fault:
            config = TrialConfig.model_validate(request.trial)
            if request.retry_of is not None:
                tags[Tag.RETRY_OF] = str(request.retry_of)
            if request.replicate_of is not None:
                tags[Tag.REPLICATE_OF] = str(request.replicate_of)
            tried, num_processes = config, self._spec.resources.workers_per_trial
            if request.in_halves:
                tags[Tag.IN_HALVES] = "true"
                tried = in_halves(config, num_processes) or config
            elif number in self._with_version:  # it goes on whole, however it was tried before
                tags[Tag.IN_HALVES] = "false"
            tags[Tag.DEEPSPEED] = json.dumps(tried.train.deepspeed(num_processes))
            if space_version is not None:
                tags[Tag.SPACE_VERSION] = str(space_version)
            names = set(sets_of(config))
            update = {
                "tags": _columns(config) | tags,
                "params": {name: str(value) for name, value in config.flat().items()},
                "inputs": {n: digest for n, digest in self._digests.items() if n in names},
                "yaml": trial_yaml(config, self._spec.name, number),
            }
            opened = opened.model_copy(update=update)
        self._outbox.put(opened)

    def on_trial_result(
        self, iteration: int, trials: Any, trial: Any, result: dict[str, Any], **_: Any
    ) -> None:
        """Record the metrics of a report and the training before it; after the last also its files."""
        number, report = TrialRequest.of(trial.config).number, TrialResult.of(result)
        if report is None:
            return
        if report.anew:
            log.warning("trial %d begins anew, as %s", number, report.anew)
        items = report.items.take()
        training = recorded_training(report.training.take())
        self._record_step(number, report, items, training)
        if report.done:
            self._record_files(number, items, has_model=not report.failure)
        if report.failure:
            tags = {Tag.REASON: _reason(report.failure)}
            self._outbox.put(Tagged(trial=number, tags=tags))

    def _record_step(
        self,
        number: int,
        report: TrialResult,
        items: bytes,
        training: Mapping[int, dict[str, float]],
    ) -> None:
        """Record the metrics of a step that is not recorded yet, and the training that led to it.

        The first step 0 also gives the metrics and items of the base model, for the sweep's own run.

        training: step -> metrics of the training, since the last report.
        """
        step = report.step
        if step is None or step <= self._last_steps.get(number, -1):
            return
        self._last_steps[number] = step
        metrics = report.recorded()
        if step == 0 and not self._has_base:
            self._has_base = True
            base_metrics = {n: v for n, v in metrics.items() if not n.startswith(Group.SYSTEM)}
            if items:  # before the metrics, which tell that the base is recorded
                self._outbox.attach(None, items, Artifact.ITEMS)
            self._put_metrics(None, {0: base_metrics})
        # Last: after a kill in between, a step 0 that is recorded would give no base any more.
        self._put_metrics(number, {**training, step: training.get(step, {}) | metrics})

    def _record_files(self, number: int, items: bytes, *, has_model: bool) -> None:
        """Move the items and the model of a finished trial into the outbox."""
        if items:
            self._outbox.attach(number, items, Artifact.ITEMS)
        with self._stores.finished_model(number, is_due=has_model) as folder:
            if folder is not None:
                self._outbox.attach(number, folder, Artifact.MODEL, to=Artifact.MODEL)

    def close_trial(self, outcome: Outcome) -> None:
        """Record the end of a trial and delete its checkpoint; call this after Optuna was told."""
        tags: dict[str, str] = {Tag.STATE: outcome.state}
        if outcome.failure:
            tags[Tag.REASON] = _reason(outcome.failure)
        status = STATUS[outcome.state]
        self._open_trials.discard(outcome.number)
        self._outbox.put(Closed(trial=outcome.number, at=now(), status=status, tags=tags))
        if checkpoints := self._stores.checkpoints:
            try:
                checkpoints.delete(folder_name(outcome.number))
            except Exception as error:  # of an object store; the trial has ended all the same
                log.warning(
                    "the checkpoint of trial %d cannot be deleted: %s", outcome.number, error
                )

    def close_lost(self, request: TrialRequest, reason: str, values: Mapping[str, float]) -> None:
        """Record that a complete trial has lost results.

        request: what it ran, by which its beginning is recorded anew: that takes back an end.
        values: of its goals, as far as they are known.
        """
        self.open_trial(request)
        number = request.number
        if values and not request.fault:
            step = TrialConfig.model_validate(request.trial).train.steps
            self._outbox.put(Reported(trial=number, at=now(), step=step, metrics=dict(values)))
        tags = {Tag.STATE: TrialState.LOST, Tag.REASON: _reason(reason)}
        self._outbox.put(Closed(trial=number, at=now(), status="KILLED", tags=tags))

    def close_earlier_trials(self, outcomes: Iterable[Outcome], runs: Iterable[Run]) -> None:
        """Record the ends of trials of an earlier process that was killed.

        Optuna is told of an end first and the record second, so that a kill between the two leaves
        trials without an end in the record. Runs of trials that did not end are closed as killed.

        outcomes: of all trials that have ended, as Optuna knows them, without those that have lost
            results.
        runs: of the trials, as MLflow has them.
        """
        runs_left = {trial_in(run.data.tags): run for run in runs}
        for outcome in outcomes:
            run = runs_left.pop(outcome.number, None)
            state = None if run is None else run.data.tags.get(Tag.STATE)
            if state not in (outcome.state, TrialState.LOST):
                self.close_trial(outcome)
        for number, run in runs_left.items():
            if run.info.status == "RUNNING":
                self._outbox.put(Closed(trial=number, at=now(), status="KILLED"))

    def close_sweep(self, status: Status, state: str) -> None:
        """Record the end of the sweep, after closing the runs of unfinished trials as killed.

        state: value of the tag `sweep.state`.
        """
        killed = [Closed(trial=n, at=now(), status="KILLED") for n in sorted(self._open_trials)]
        tags = {Tag.STATE: state}
        self._outbox.put(*killed, Closed(trial=None, at=now(), status=status, tags=tags))

    def _put_metrics(self, number: int | None, metrics: Mapping[int, dict[str, float]]) -> None:
        """Put the metrics of some steps into the outbox: step -> name -> value."""
        at = now()
        each = metrics.items()
        self._outbox.put(*(Reported(trial=number, at=at, step=k, metrics=v) for k, v in each))


def _reason(failure: str) -> str:
    """Return why a trial failed, without secrets, cut to MAX_REASON_CHARS, safe for JSON and MLflow.

    Characters that cannot be encoded are replaced: a file name in an error message may hold some.
    """
    return masked(failure)[:MAX_REASON_CHARS].encode(errors="replace").decode()


def _columns(config: TrialConfig) -> dict[str, str]:
    """Return the tags that are columns of MLflow's table of trials, which sorts them as text."""
    ratio = config.replay.ratio if config.replay else 0.0
    return {
        Tag.OBJECTIVE: config.objective.name,
        Tag.REGULARISER: config.regulariser.name,
        Tag.REPLAY: f"{ratio:.4f}",
        Tag.SEED: str(config.seed),
        Tag.FINGERPRINT: config.fingerprint(),
    }
