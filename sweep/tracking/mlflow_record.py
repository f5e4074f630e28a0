"""The record of one sweep in MLflow: one parent run for the sweep, one child run for each trial.

The driver alone, and after its end `sweep sync`, writes the results of trials: through the outbox. Past
it the driver writes what a sweep begins with, the versions of its spec, and its heartbeat. Any terminal
writes requests as tags of the sweep's run (control_requests.py). A run is looked for by its tags before
it is created. So nothing is recorded twice.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.record import names
from analysis.record.names import Artifact, Role, Series, Tag, TrialState
from sweep.config.declarations import declarations, search_params
from sweep.config.inputs import role_in
from sweep.tracking.artifacts import download, has_artifact, upload, upload_text
from sweep.tracking.store.addresses import connect
from sweep.tracking.store.runs import search_runs

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

    from sweep.config.spec import SweepSpec
    from sweep.tracking.entries.kinds import Opened, Reported, Status


ENDING_TAGS = {Tag.STATE, Tag.REASON}
# MLflow refuses more in a request.
MAX_PER_REQUEST = 1000
MAX_PARAMS = 100

# What MLflow is told a data set is for, by its role. A model is not among its data sets.
CONTEXTS: dict[str, str] = {
    "alignment": "training",
    "replay": "replay",
    "regulariser": "regularisation",
    "evaluator": "evaluation",
}
SHOWN_DIGITS = 16  # of a data set's sha256; MLflow takes 36 characters and shows all of them


@dataclass
class Record:
    """The record of a sweep: its experiment, its own run, and the runs of its trials.

    experiment_id: MLflow's id of the experiment.
    sweep:         name of the sweep.
    run_id:        MLflow's id of the sweep's own run.
    """

    tracking_uri: str = field(repr=False)  # that of a database may hold a password
    experiment_id: str
    sweep: str
    run_id: str
    _run_ids: dict[int, str] | None = field(default=None, repr=False)  # None: not yet looked for
    _deleted: frozenset[int] | None = field(default=None, repr=False)  # None: not yet looked for
    _may_have_twins: bool = field(default=False, repr=False)  # a request to create a run failed
    _kept: list[list[Run]] | None = field(default=None, repr=False)  # None: nothing is read once

    @property
    def _client(self) -> MlflowClient:
        """The client of MLflow for the tracking store."""
        return connect(self.tracking_uri)

    @property
    def runs_url(self) -> str:
        """Address of the table of this sweep's runs, relative to MLflow's interface."""
        return f"#/experiments/{self.experiment_id}/runs"

    def log_declarations(self, spec: SweepSpec, text: str) -> None:
        """Write all that reading the sweep later needs; writing it again changes nothing.

        text: the spec as the user typed it.
        """
        self.attach_text(self.run_id, json.dumps(declarations(spec)), Artifact.DECLARATIONS)
        self.attach_text(self.run_id, text, Artifact.SPEC)
        for name, value in search_params(spec).items():
            self._client.log_param(self.run_id, name, value)

    def log_spec_version(self, version: int, text: str) -> None:
        """Write the text of the spec from which trials of a version of the search space are drawn."""
        self.attach_text(self.run_id, text, f"{Artifact.VERSIONS}/{version}.yaml")

    def own_run(self) -> Run:
        """Return the sweep's own run."""
        return self._client.get_run(self.run_id)

    def tags(self) -> dict[str, str]:
        """Return the tags of the sweep's own run."""
        return dict(self.own_run().data.tags)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags of the sweep's own run."""
        self.log_batch(self.run_id, [], {}, tags)

    def spec_text(self) -> str | None:
        """Return the text of the spec that is recorded; None if its process died before it was."""
        if not has_artifact(self.tracking_uri, self.run_id, Artifact.SPEC):
            return None
        with tempfile.TemporaryDirectory() as folder:
            path = download(self.tracking_uri, self.run_id, Artifact.SPEC, Path(folder))
            return path.read_text(encoding="utf-8")

    def run_id_of(self, trial: int | None, opened: Opened | None = None) -> str:
        """Return the id of a trial's run, which is created unless there is one.

        trial: number of the trial; None for the sweep's own run.
        opened: the entry that holds the time at which the trial began.
        """
        if trial is None:
            return self.run_id
        if self._run_ids is None:
            self._run_ids = self._find_run_ids()
        if trial not in self._run_ids:
            self._run_ids[trial] = self._create_run(trial, opened)
            if self._may_have_twins:
                self._run_ids = self._find_run_ids()
                self._may_have_twins = False
        return self._run_ids[trial]

    def _create_run(self, trial: int, opened: Opened | None) -> str:
        """Create the run of a trial and return its id."""
        tags = {Tag.PARENT: self.run_id, Tag.ROLE: Role.TRIAL}
        tags |= {Tag.SWEEP: self.sweep, Tag.TRIAL: str(trial)}
        try:
            run = self._client.create_run(
                self.experiment_id,
                start_time=opened.at if opened else None,
                tags=tags,
                run_name=f"{self.sweep}-{trial:04}",
            )
        except Exception:
            # The server may have created it all the same, or may do so later.
            self._run_ids, self._may_have_twins = None, True
            raise
        return str(run.info.run_id)

    def _find_run_ids(self) -> dict[int, str]:
        """Return the id of each trial's run, by the number of the trial.

        Of several runs of one trial the fullest stays. The others are deleted: they were created by
        requests that seemed to fail.
        """
        runs: dict[int, list[Run]] = {}
        for run in self.trial_runs():
            runs.setdefault(names.trial_in(run.data.tags), []).append(run)
        for twins in runs.values():
            twins.sort(key=lambda run: (-len(run.data.metrics), -len(run.data.params)))
            for run in twins[1:]:
                self._client.delete_run(run.info.run_id)
        return {trial: twins[0].info.run_id for trial, twins in runs.items()}

    def reopen(self, run_id: str) -> None:
        """Set a run to RUNNING, and delete the tags that tell of an earlier end."""
        run = self._client.get_run(run_id)
        if run.info.status != "RUNNING":
            self._client.update_run(run_id, status="RUNNING")
        for tag in ENDING_TAGS & run.data.tags.keys():
            self._client.delete_tag(run_id, tag)

    def log_batch(
        self,
        run_id: str,
        reports: Sequence[Reported],
        params: Mapping[str, str],
        tags: Mapping[str, str],
    ) -> None:
        """Write metrics, parameters and tags of a run; writing the same again changes nothing."""
        from mlflow.entities import Metric, Param, RunTag

        metrics = [
            Metric(name, value, report.at, report.step)
            for report in reports
            for name, value in sorted(report.metrics.items())
        ]
        all_params = [Param(name, value) for name, value in params.items()]
        all_tags = [RunTag(name, value) for name, value in tags.items()]
        while metrics or all_params or all_tags:
            some_params, all_params = all_params[:MAX_PARAMS], all_params[MAX_PARAMS:]
            some_tags, all_tags = all_tags[:MAX_PARAMS], all_tags[MAX_PARAMS:]
            room = MAX_PER_REQUEST - len(some_params) - len(some_tags)
            some_metrics, metrics = metrics[:room], metrics[room:]
            self._client.log_batch(run_id, some_metrics, some_params, some_tags)

    def attach(self, run_id: str, path: Path, to: str = "") -> None:
        """Upload a file, or the contents of a folder, to the folder `to` of a run's artifacts."""
        upload(self.tracking_uri, run_id, path, to)

    def attach_text(self, run_id: str, text: str, name: str) -> None:
        """Upload a text as a file of this name among a run's artifacts."""
        upload_text(self.tracking_uri, run_id, text, name)

    def log_inputs(self, run_id: str, digests: Mapping[str, str]) -> None:
        """Record data sets as inputs of a run; recording them again changes nothing.

        digests: the sha256 of each data set, by its name. Models among them are left out.
        """
        from mlflow.entities import Dataset, DatasetInput, InputTag

        inputs = []
        for name, digest in digests.items():
            role = role_in(name)
            if role in CONTEXTS:
                source = json.dumps({"name": name, "sha256": digest})
                dataset = Dataset(name, digest[:SHOWN_DIGITS], "equipoise", source)
                inputs.append(
                    DatasetInput(dataset, [InputTag("mlflow.data.context", CONTEXTS[role])])
                )
        if inputs:
            self._client.log_inputs(run_id, inputs)

    def end_run(self, run_id: str, status: Status, time_ms: int | None = None) -> None:
        """End a run with a status, at a time in milliseconds since 1970; None means now."""
        self._client.set_terminated(run_id, status, time_ms)

    def lost_trials(self) -> list[int]:
        """Return the numbers of the trials of which the record has lost results, sorted."""
        tags = [run.data.tags for run in self.trial_runs()]
        return sorted(names.trial_in(own) for own in tags if own.get(Tag.STATE) == TrialState.LOST)

    def has_deleted_run(self, trial: int | None) -> bool:
        """Return whether a user has deleted the run that this process writes a trial's entries to."""
        run_id = None if trial is None or self._run_ids is None else self._run_ids.get(trial)
        return bool(run_id and self._client.get_run(run_id).info.lifecycle_stage == "deleted")

    def deleted_trials(self) -> frozenset[int]:
        """Return the numbers of trials that had ended when a user deleted their runs; asked once."""
        if self._deleted is None:
            from mlflow.entities import ViewType

            kept = {names.trial_in(run.data.tags) for run in self.trial_runs()}
            found = search_runs(
                self._client, [self.experiment_id], self._of_trials, ViewType.DELETED_ONLY
            )
            ended = {names.trial_in(run.data.tags) for run in found if Tag.STATE in run.data.tags}
            self._deleted = frozenset(ended - kept)
        return self._deleted

    def last_steps(self) -> dict[int, int]:
        """Return the last recorded step of each trial that has one and has not ended, by its number."""
        steps = {}
        for run in self.trial_runs():
            if Tag.STATE not in run.data.tags:
                history = self._client.get_metric_history(run.info.run_id, Series.PROGRESS)
                if history:
                    steps[names.trial_in(run.data.tags)] = max(entry.step for entry in history)
        return steps

    def has_ended(self) -> bool:
        """Return whether the sweep's own run has ended."""
        return bool(self.own_run().info.status != "RUNNING")

    def has_base_metrics(self) -> bool:
        """Return whether the metrics of the base model are recorded."""
        return Series.PROGRESS in self.own_run().data.metrics

    def steps(self, metric: str, run_id: str = "") -> set[int]:
        """Return the steps at which a run has a value of a metric; the sweep's own if none is named."""
        history = self._client.get_metric_history(run_id or self.run_id, metric)
        return {entry.step for entry in history}

    def trials_on_front(self) -> set[int]:
        """Return the numbers of the trials that were on the front when it was last drawn."""
        tags = [run.data.tags for run in self.trial_runs()]
        return {names.trial_in(own) for own in tags if own.get(Tag.ON_FRONT) == "true"}

    @contextmanager
    def reading_once(self) -> Iterator[None]:
        """Within the block, read the runs of all trials once, which takes long where there are many.

        Nothing must write to them meanwhile.
        """
        self._kept = []
        try:
            yield
        finally:
            self._kept = None

    def trial_runs(self) -> list[Run]:
        """Return the runs of all trials."""
        if self._kept:
            return self._kept[0]
        runs = search_runs(self._client, [self.experiment_id], self._of_trials)
        if self._kept is not None:
            self._kept.append(runs)
        return runs

    @property
    def _of_trials(self) -> dict[str, str]:
        """The tags by which the runs of the trials are found."""
        return {Tag.ROLE: Role.TRIAL, Tag.PARENT: self.run_id}
