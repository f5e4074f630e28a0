"""The only reader of MLflow: one sweep, as a table of its trials.

A sweep is one parent run in the experiment of its name, with the artifacts `declarations.json`
(metrics, goals, constraints) and `sweep.yaml`; each of its trials is a child run with parameters,
metrics and the artifact `trial.yaml`. MLflow is imported inside the functions, because that costs
seconds. Axes: N trials, M goals.
"""

from __future__ import annotations

import json
import math
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.record.mlflow_client import connect, read_artifact, runs_with, sweep_run, sweep_runs
from analysis.record.names import Artifact, Role, Tag
from analysis.record.sweep import Sweep, run_id_of
from analysis.record.table import (
    finite_or_nan,
    model_metrics,
    sweep_state,
    trial_state,
    trial_table,
)
from trainables.metrics.metric import Metric
from trainables.metrics.names import is_fused
from trainables.schema.yaml_text import from_yaml, to_yaml

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

    from analysis.record.sweep import Candidate


def read_sweep(name: str, /, *, tracking_uri: str) -> Sweep:
    """Reads one sweep, finished or still running.

    Costs one request a thousand trials. Raises UnknownSweep where the
    record has no sweep of this name, and ValueError where there is no record at tracking_uri.
    """
    client = connect(tracking_uri)
    parent = sweep_run(client, name, tracking_uri)
    declared = _declarations(client, parent)
    metrics = {entry["name"]: Metric(**entry) for entry in declared["metrics"]}
    children = sorted(
        runs_with(client, [parent.info.experiment_id], {Tag.PARENT: parent.info.run_id}),
        key=lambda run: int(run.data.tags[Tag.TRIAL]),
    )
    params, trials = trial_table(children, list(metrics))
    return Sweep(
        name=name,
        run_id=parent.info.run_id,
        state=sweep_state(parent),
        num_trials=declared.get("num_trials"),
        goals=[metrics[goal] for goal in declared["goals"]],
        constraints=declared["constraints"],
        metrics=metrics,
        params=params,
        searched=declared["searched"],
        trials=trials,
        base={
            name: value
            for name, value in model_metrics(parent).items()
            if math.isfinite(finite_or_nan(value)) and not is_fused(name)
        },
        tracking_uri=tracking_uri,
        commit=parent.data.tags.get(Tag.COMMIT, ""),
    )


def read_state(name: str, /, *, tracking_uri: str) -> str:
    """The state of a sweep alone, as `Sweep.state`; raises as read_sweep does."""
    return sweep_state(sweep_run(connect(tracking_uri), name, tracking_uri))


def list_sweeps(*, tracking_uri: str) -> pd.DataFrame:
    """One row a sweep, newest first.

    Columns: name, state, then the number of trials that are complete, failed, pruned and running,
    then started (a time in UTC) and goals (a list of metric names). Raises ValueError where there
    is no record at tracking_uri.
    """
    client = connect(tracking_uri)
    parents = sweep_runs(client)
    experiment_ids = sorted({run.info.experiment_id for run in parents})
    states: dict[str, list[str]] = {run.info.run_id: [] for run in parents}
    for run in runs_with(client, experiment_ids, {Tag.ROLE: Role.TRIAL}):
        states.get(run.data.tags.get(Tag.PARENT, ""), []).append(trial_state(run))
    counted = ("complete", "failed", "pruned", "running")
    rows = [
        {
            "name": run.data.tags[Tag.NAME],
            "state": sweep_state(run),
            **{state: states[run.info.run_id].count(state) for state in counted},
            "started": pd.Timestamp(run.info.start_time, unit="ms", tz="UTC"),
            "goals": _goals(client, run),
        }
        for run in reversed(parents)
    ]
    return pd.DataFrame(rows, columns=["name", "state", *counted, "started", "goals"])


def trial_yaml(sweep: Sweep, candidate: Candidate, /) -> str:
    """The exact configuration of one candidate; `python -m trainables run` runs it again.

    At another α it is the trial's, with that α for the only one. Raises ValueError for a number that
    is not a trial of this sweep.
    """
    run_id = run_id_of(sweep, candidate.trial)
    text = read_artifact(connect(sweep.tracking_uri), run_id, Artifact.TRIAL)
    if candidate.alpha is None:
        return text
    head = [*takewhile(lambda line: line.startswith("#"), text.splitlines())]
    head.append(
        f"# with its weights at α = {candidate.alpha:g} between the base and what it trained"
    )
    config = from_yaml(text) | {"fusion": {"alpha": candidate.alpha}}
    return "".join(f"{line}\n" for line in head) + to_yaml(config)


def _declarations(client: MlflowClient, parent: Run) -> Any:
    from mlflow.exceptions import MlflowException

    try:
        return json.loads(read_artifact(client, parent.info.run_id, Artifact.DECLARATIONS))
    except MlflowException as error:
        raise ValueError(
            f"sweep {parent.data.tags[Tag.NAME]} has no {Artifact.DECLARATIONS} in its run "
            f"{parent.info.run_id}: it has only just begun, or its writer died; try again, "
            "or start it again."
        ) from error


def _goals(client: MlflowClient, parent: Run) -> list[str]:
    try:
        return list(_declarations(client, parent)["goals"])
    except ValueError:
        return []  # one sweep whose writer died must not hide the others
