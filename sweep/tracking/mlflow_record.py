"""The only writer of MLflow: one parent run for the sweep, one child run for each trial.

The driver alone writes: it opens a sweep here, and the rest goes through its outbox, whose entries
are delivered here one by one. A run is found by its tags before it is created, so nothing is recorded
twice.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.record.names import Artifact, Role, Series, Tag, having
from sweep.space.names import swept_names
from sweep.tracking.addresses import connect

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

    from sweep.config.spec import SweepSpec
    from sweep.tracking.entries import Opened, Reported, Status


ENDING_TAGS = {Tag.STATE, Tag.REASON}
# MLflow refuses more in a request.
MAX_PER_REQUEST = 1000
MAX_PARAMS = 100

# What a data set is for, by how its name begins.
CONTEXTS = {
    "alignment": "training",
    "replay": "replay",
    "regulariser": "regularisation",
    "evaluator": "evaluation",
}
SHOWN_DIGITS = 16  # of a data set's sha256; MLflow takes 36 characters and shows all of them


@dataclass
class Record:
    """Where a sweep is recorded."""

    tracking_uri: str = field(repr=False)  # that of a database may hold a password
    experiment_id: str
    sweep: str
    run_id: str
    _run_ids: dict[int, str] | None = field(default=None, repr=False)
    _in_doubt: bool = field(default=False, repr=False)  # whether a run was created unanswered

    @property
    def _client(self) -> MlflowClient:
        return connect(self.tracking_uri)

    @property
    def runs_url(self) -> str:
        """Where MLflow's interface has the runs of this sweep, from wherever in it."""
        return f"#/experiments/{self.experiment_id}/runs"

    def declare(self, spec: SweepSpec, text: str) -> None:
        """What reading the sweep later needs; saying it again changes nothing."""
        declarations = {
            "metrics": [metric.to_dict() for metric in spec.metrics().values()],
            "goals": spec.goals,
            "num_trials": spec.num_trials,
            "searched": swept_names(spec.trial),
            "constraints": {
                name: bound.model_dump(exclude_none=True)
                for name, bound in spec.constraints.items()
            },
        }
        self._client.log_dict(self.run_id, declarations, Artifact.DECLARATIONS)
        self._client.log_text(self.run_id, text, Artifact.SPEC)
        chosen = spec.model_dump(mode="json", include={"search", "scheduler", "goals"})
        for name, value in _flat(chosen).items():  # a sampler is recorded by its name alone
            self._client.log_param(self.run_id, name.removesuffix(".name"), value)

    def keep_version(self, version: int, text: str) -> None:
        """The spec that trials of this version of the search space are drawn by."""
        self._client.log_text(self.run_id, text, f"{Artifact.VERSIONS}/{version}.yaml")

    def tags(self) -> dict[str, str]:
        """Of the sweep's own run."""
        return dict(self._client.get_run(self.run_id).data.tags)

    def tag(self, tags: Mapping[str, str]) -> None:
        """The sweep's own run."""
        self.log_batch(self.run_id, [], {}, tags)

    def spec_text(self) -> str | None:
        """The spec as it was recorded, if it came that far."""
        if not any(
            entry.path == Artifact.SPEC for entry in self._client.list_artifacts(self.run_id)
        ):
            return None
        with tempfile.TemporaryDirectory() as folder:
            path = self._client.download_artifacts(self.run_id, Artifact.SPEC, folder)
            return Path(path).read_text(encoding="utf-8")

    def digests(self) -> dict[str, str]:
        """sha256 of each model and data set, as the sweep began with them."""
        tags = self.tags().items()
        return {k.removeprefix(Tag.DIGEST): v for k, v in tags if k.startswith(Tag.DIGEST)}

    def run_of(self, trial: int | None, opened: Opened | None = None) -> str:
        """The id of a trial's run, created unless there is one; that of the sweep's own for None."""
        if trial is None:
            return self.run_id
        if self._run_ids is None:
            self._run_ids = self._one_run_each()
        if trial not in self._run_ids:
            tags = {
                Tag.PARENT: self.run_id,
                Tag.ROLE: Role.TRIAL,
                Tag.SWEEP: self.sweep,
                Tag.TRIAL: str(trial),
            }
            try:
                run = self._client.create_run(
                    self.experiment_id,
                    start_time=opened.at if opened else None,
                    tags=tags,
                    run_name=f"{self.sweep}-{trial:04}",
                )
            except Exception:
                self._run_ids, self._in_doubt = None, True  # it may be there all the same, or soon
                raise
            self._run_ids[trial] = run.info.run_id
            if self._in_doubt:
                self._run_ids = self._one_run_each()
                self._in_doubt = False
        return self._run_ids[trial]

    def _one_run_each(self) -> dict[int, str]:
        """The id of each trial's run; empty ones beside it, created unanswered, are deleted."""
        runs: dict[int, list[Run]] = {}
        for run in self.trials():
            runs.setdefault(int(run.data.tags[Tag.TRIAL]), []).append(run)
        for twins in runs.values():
            twins.sort(key=lambda run: (-len(run.data.metrics), -len(run.data.params)))
            for run in twins[1:]:
                self._client.delete_run(run.info.run_id)
        return {trial: twins[0].info.run_id for trial, twins in runs.items()}

    def reopen(self, run_id: str) -> None:
        """It runs (again): nothing is said of an earlier end."""
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
        """In as few requests as MLflow takes; said again it is the same."""
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
        """A file, or what is in a folder."""
        if path.is_dir():
            self._client.log_artifacts(run_id, str(path), to or None)
        else:
            self._client.log_artifact(run_id, str(path), to or None)

    def attach_text(self, run_id: str, text: str, name: str) -> None:
        self._client.log_text(run_id, text, name)

    def use(self, run_id: str, digests: Mapping[str, str]) -> None:
        """Data sets by name, with the sha256 of each, as inputs; said again it is the same."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        inputs = []
        for name, digest in digests.items():
            role, _, _ = name.partition(".")
            if role in CONTEXTS:
                source = json.dumps({"name": name, "sha256": digest})
                dataset = Dataset(name, digest[:SHOWN_DIGITS], "equipoise", source)
                inputs.append(
                    DatasetInput(dataset, [InputTag("mlflow.data.context", CONTEXTS[role])])
                )
        if inputs:
            self._client.log_inputs(run_id, inputs)

    def end(self, run_id: str, status: Status, at: int | None = None) -> None:
        self._client.set_terminated(run_id, status, at)

    def ended(self) -> set[int]:
        """The trials that have."""
        return {
            int(run.data.tags[Tag.TRIAL]) for run in self.trials() if Tag.STATE in run.data.tags
        }

    def last_steps(self) -> dict[int, int]:
        """The last step that is recorded of each trial that has one, of trials that have not ended."""
        steps = {}
        for run in self.trials():
            if Tag.STATE not in run.data.tags:
                history = self._client.get_metric_history(run.info.run_id, Series.PROGRESS)
                if history:
                    steps[int(run.data.tags[Tag.TRIAL])] = max(entry.step for entry in history)
        return steps

    def has_ended(self) -> bool:
        """Whether the sweep's own run has."""
        return bool(self._client.get_run(self.run_id).info.status != "RUNNING")

    def knows_base(self) -> bool:
        """Whether what was measured of the base model is recorded."""
        return Series.PROGRESS in self._client.get_run(self.run_id).data.metrics

    def steps(self, metric: str) -> set[int]:
        """The steps at which the sweep's own run has a metric."""
        return {entry.step for entry in self._client.get_metric_history(self.run_id, metric)}

    def on_front(self) -> set[int]:
        """The trials that were on the front when it was last drawn."""
        runs = [run for run in self.trials() if run.data.tags.get(Tag.ON_FRONT) == "true"]
        return {int(run.data.tags[Tag.TRIAL]) for run in runs}

    def trials(self) -> list[Run]:
        """The runs of all trials."""
        tags = {Tag.ROLE: Role.TRIAL, Tag.PARENT: self.run_id}
        return search_runs(self._client, self.experiment_id, tags)


def search_runs(client: MlflowClient, experiment_id: str, tags: Mapping[str, str]) -> list[Run]:
    found: list[Run] = []
    token = None
    while True:
        page = client.search_runs([experiment_id], having(tags), max_results=1000, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        elif value is not None:
            flat[prefix + key] = json.dumps(value) if isinstance(value, list) else str(value)
    return flat
