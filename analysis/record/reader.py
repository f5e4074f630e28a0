"""Read one sweep, or the list of sweeps, from MLflow.

A sweep is one parent run in the experiment of its name, with the artifacts `declarations.json`
(metrics, goals, constraints) and `sweep.yaml`. Each of its trials is a child run with parameters,
metrics and the artifact `trial.yaml`.
"""

from __future__ import annotations

import json
import math
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.record.mlflow_client import connect, read_artifact, runs_with, sweep_run, sweep_runs
from analysis.record.names import COUNTED_STATES, Artifact, Role, Tag
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
from trainables.schema.plain_yaml import from_yaml, to_yaml

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

    from analysis.record.sweep import Candidate

LIST_COLUMNS = ["name", "state", *COUNTED_STATES, "started", "goals"]  # of `list_sweeps`


def read_sweep(name: str, /, *, tracking_uri: str) -> Sweep:
    """Return one sweep, finished or still running, as the record has it now.

    Costs one request for each thousand trials.

    Raises:
        UnknownSweep: the record has no sweep of this name.
        ValueError: there is no record at tracking_uri, or the sweep has recorded no declarations yet.
    """
    client = connect(tracking_uri)
    parent = sweep_run(client, name, tracking_uri)
    declarations = _declarations(client, parent)
    metrics = {entry["name"]: Metric(**entry) for entry in declarations["metrics"]}
    runs = sorted(
        runs_with(client, [parent.info.experiment_id], {Tag.PARENT: parent.info.run_id}),
        key=lambda run: int(run.data.tags[Tag.TRIAL]),
    )
    params, trials = trial_table(runs, list(metrics))
    return Sweep(
        name=name,
        run_id=parent.info.run_id,
        state=sweep_state(parent),
        num_trials=declarations.get("num_trials"),
        goals=[metrics[goal] for goal in declarations["goals"]],
        constraints=declarations["constraints"],
        metrics=metrics,
        params=params,
        searched=declarations["searched"],
        trials=trials,
        base={
            name: value
            for name, value in model_metrics(parent).items()
            if math.isfinite(finite_or_nan(value)) and not is_fused(name)
        },
        tracking_uri=tracking_uri,
        commit=parent.data.tags.get(Tag.COMMIT, ""),
        retries=_waiting_retries(parent, runs),
    )


def _waiting_retries(parent: Run, runs: list[Run]) -> tuple[int, ...]:
    """Return the numbers of trials that are to run again and have not begun to."""
    asked = [int(w) for w in parent.data.tags.get(Tag.RETRY_TRIALS, "").split() if w.isdecimal()]
    begun = {run.data.tags.get(Tag.RETRY_OF) for run in runs}
    return tuple(number for number in sorted(asked) if str(number) not in begun)


def read_state(name: str, /, *, tracking_uri: str) -> str:
    """Return the state of a sweep, as `Sweep.state`, without reading its trials.

    Raises:
        UnknownSweep: the record has no sweep of this name.
        ValueError: there is no record at tracking_uri.
    """
    return sweep_state(sweep_run(connect(tracking_uri), name, tracking_uri))


def list_sweeps(*, tracking_uri: str) -> pd.DataFrame:
    """Return a table with a row for each sweep, newest first.

    Columns: name, state, then the numbers of trials that are complete, failed, pruned and running,
    then started (a time in UTC) and goals (a list of metric names).

    Raises:
        ValueError: there is no record at tracking_uri.
    """
    client = connect(tracking_uri)
    parents = sweep_runs(client)
    experiment_ids = sorted({run.info.experiment_id for run in parents})
    states: dict[str, list[str]] = {run.info.run_id: [] for run in parents}
    for run in runs_with(client, experiment_ids, {Tag.ROLE: Role.TRIAL}):
        states.get(run.data.tags.get(Tag.PARENT, ""), []).append(trial_state(run))
    rows = [
        {
            "name": run.data.tags[Tag.NAME],
            "state": sweep_state(run),
            **{state: states[run.info.run_id].count(state) for state in COUNTED_STATES},
            "started": pd.Timestamp(run.info.start_time, unit="ms", tz="UTC"),
            "goals": _goals(client, run),
        }
        for run in reversed(parents)
    ]
    return pd.DataFrame(rows, columns=LIST_COLUMNS)


def read_trial_yaml(sweep: Sweep, candidate: Candidate, /) -> str:
    """Return the exact configuration of a candidate as YAML; `python -m trainables run` runs it again.

    For a candidate at another α it is the configuration of its trial with that α as the only one.

    Raises:
        ValueError: the sweep has no such trial.
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
    """Return the declarations of a sweep: metrics, goals, constraints, number of trials.

    Raises:
        ValueError: its parent run has none.
    """
    from mlflow.exceptions import MlflowException

    name = parent.data.tags[Tag.NAME]
    try:
        declarations = json.loads(read_artifact(client, parent.info.run_id, Artifact.DECLARATIONS))
    except MlflowException as error:
        if Artifact.DECLARATIONS in {e.path for e in client.list_artifacts(parent.info.run_id)}:
            raise  # it is there, but the store does not give it
        raise ValueError(
            f"sweep {name} has no {Artifact.DECLARATIONS} in its run {parent.info.run_id}: it has only "
            "just begun, or its driver died; try again, or start it again."
        ) from error
    except ValueError:
        declarations = None
    if not isinstance(declarations, dict):
        raise ValueError(
            f"{Artifact.DECLARATIONS} of sweep {name} must be what the sweep wrote, but the store "
            "gives something else: check any gateway before it."
        )
    return declarations


def _goals(client: MlflowClient, parent: Run) -> list[str]:
    """Return the metric names of a sweep's goals; an empty list if it has no declarations."""
    try:
        return list(_declarations(client, parent)["goals"])
    except ValueError:
        return []  # a sweep whose driver died at once must not hide the others
