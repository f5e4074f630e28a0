"""Open, find and delete the record of a sweep in MLflow."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from analysis.record.names import Artifact, Role, Tag, having
from sweep.tracking.entries.kinds import now
from sweep.tracking.mlflow_record import Record
from sweep.tracking.provenance.beginning import beginning
from sweep.tracking.store import errors as store_errors
from sweep.tracking.store.addresses import connect
from sweep.tracking.store.runs import all_experiment_ids, search_runs

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

    from sweep.config.spec import SweepSpec
    from sweep.tracking.control_requests import Request


log = logging.getLogger(__name__)

# MLflow's interface then shows the charts of training runs first, and not those of chats with agents.
TRAINING = {"mlflow.experimentKind": "custom_model_development"}
VIEW = "trials"  # name of the table of trials that the sweep's description links to


class SweepExists(ValueError):
    """A sweep of this name is already in the record."""


def open_sweep(
    tracking_uri: str,
    spec: SweepSpec,
    text: str,
    digests: Mapping[str, str],
    artifacts: str | None = None,
    code_diff: str = "",
    *,
    began: Mapping[str, str] | None = None,
    requested: Request = "go",
) -> Record:
    """Create the experiment and the own run of a sweep, write its spec, and return its record.

    text: the spec as the user typed it.
    digests: sha256 of each model and data set, by its name.
    artifacts: folder or address for the artifacts; None leaves it to MLflow.
    code_diff: the changes of the code since its commit, if they are to be recorded.
    began: the tags that say what it began with (provenance/beginning.py); None if it begins now.
    requested: what users have requested of the sweep before it is there.

    Raises:
        SweepExists: there is a sweep of this name.
    """
    refuse_if_recorded(tracking_uri, spec.name)
    client = connect(tracking_uri)
    experiment_id = _experiment(client, spec.name, artifacts)
    tags = {
        Tag.ROLE: Role.SWEEP,
        Tag.NAME: spec.name,
        "mlflow.source.name": "sweep run",
        "mlflow.source.type": "LOCAL",  # MLflow shows the commit beside a source
        **(beginning(spec, digests) if began is None else began),
    }
    if requested != "go":
        tags[Tag.ASKED] = f"{requested} {now()}"
    run = client.create_run(experiment_id, tags=tags, run_name=spec.name)
    record = Record(tracking_uri, experiment_id, spec.name, run.info.run_id)
    try:
        record.log_declarations(spec, text)
        record.log_inputs(record.run_id, digests)
        client.set_experiment_tag(experiment_id, f"mlflow.sharedViewState.{VIEW}", _view(spec))
    except Exception:
        with suppress(Exception):  # else the name would count as taken
            client.delete_run(record.run_id)
        raise
    _log_diff(record, code_diff)
    return record


def _log_diff(record: Record, code_diff: str) -> None:
    """Write the changes of the code since its commit, unless MLflow does not take so large a file."""
    if code_diff:
        try:
            record.attach_text(record.run_id, code_diff, Artifact.CODE_DIFF)
        except Exception as error:
            if not store_errors.is_lasting(error):
                raise
            reason = store_errors.reason(error)
            log.warning("MLflow refuses %s (%s); it is left out", Artifact.CODE_DIFF, reason)


def _experiment(client: MlflowClient, name: str, artifacts: str | None) -> str:
    """Return the id of the experiment of a name; create it, or restore it if it was deleted.

    MLflow restores the runs of an experiment with it. They are deleted again: they are of a sweep
    that a user has deleted.
    """
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        return str(client.create_experiment(name, artifact_location=artifacts, tags=TRAINING))
    if experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
        for role in (Role.SWEEP, Role.TRIAL):
            for run in search_runs(client, [experiment.experiment_id], {Tag.ROLE: role}):
                client.delete_run(run.info.run_id)
    return str(experiment.experiment_id)


def refuse_if_recorded(tracking_uri: str, name: str) -> None:
    """Raise SweepExists if there is a sweep of this name."""
    if find_sweep(tracking_uri, name) is not None:
        raise SweepExists(
            f"a sweep named {name!r} is already recorded: go on with it by `sweep resume {name}`, "
            f"give the spec another name, or delete the earlier one with `sweep run --replace`."
        )


def find_sweep(tracking_uri: str, name: str) -> Record | None:
    """Return the record of the sweep of this name, or None if there is none.

    It is in the experiment of its name, unless a user has renamed that in MLflow's interface: then its
    run is found by its tag, in any experiment.
    """
    client = connect(tracking_uri)
    runs: list[Run] = []
    experiment = client.get_experiment_by_name(name)
    if experiment is not None and experiment.lifecycle_stage != "deleted":
        runs = search_runs(client, [experiment.experiment_id], {Tag.ROLE: Role.SWEEP})
    if not runs and (experiment_ids := all_experiment_ids(client)):
        runs = search_runs(client, experiment_ids, {Tag.ROLE: Role.SWEEP, Tag.NAME: name})
    if not runs:
        return None
    return Record(tracking_uri, runs[0].info.experiment_id, name, runs[0].info.run_id)


def recorded_sweep(tracking_uri: str, name: str) -> Record:
    """Return the record of the sweep of this name, which was there a moment ago.

    Raises:
        ValueError: it is not there any more.
    """
    record = find_sweep(tracking_uri, name)
    if record is None:
        raise ValueError(f"the sweep {name!r} must be in the record, but was just deleted there.")
    return record


def delete_sweep(tracking_uri: str, name: str) -> None:
    """Mark every run of a sweep as deleted; MLflow keeps them until `mlflow gc`."""
    record = find_sweep(tracking_uri, name)
    if record is not None:
        client = connect(tracking_uri)
        for run_id in [*(run.info.run_id for run in record.trial_runs()), record.run_id]:
            client.delete_run(run_id)


def _view(spec: SweepSpec) -> str:
    """Return the settings of a table of trials, as JSON in MLflow's form for a shared view.

    Trials on the front come first; the columns are what tells trials apart, and the goals.
    """
    tags = [Tag.ON_FRONT, Tag.OBJECTIVE, Tag.REGULARISER, Tag.REPLAY, Tag.REASON]
    columns = [f"tags.`{tag}`" for tag in tags] + [f"metrics.`{goal}`" for goal in spec.goals]
    view = {
        "searchFilter": having({Tag.ROLE: Role.TRIAL}),
        "orderByKey": f"tags.`{Tag.ON_FRONT}`",
        "orderByAsc": False,
        "selectedColumns": columns,
    }
    return json.dumps(view)
