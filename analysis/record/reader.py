"""Read one sweep, or the list of sweeps, from MLflow.

A sweep is one parent run in the experiment of its name, with the artifacts `declarations.json`
(metrics, goals, constraints) and `sweep.yaml`. Each of its trials is a child run with parameters,
metrics and the artifact `trial.yaml`.
"""

from __future__ import annotations

import math
from itertools import takewhile
from typing import TYPE_CHECKING

import pandas as pd
from ruamel.yaml.error import YAMLError

from analysis.record.declarations import read_declarations
from analysis.record.items import RecordedItems
from analysis.record.mlflow_client import (
    NotDelivered,
    OtherContent,
    connect,
    read_artifact,
    runs_with,
    sweep_run,
    sweep_runs,
)
from analysis.record.names import (
    Artifact,
    Role,
    Tag,
    TrialState,
    begun_again,
    digests_in,
    lost_in,
    retried_in,
    trial_in,
)
from analysis.record.sweep import Sweep, run_id_of
from analysis.record.table import (
    COUNTED_STATES,
    model_metrics,
    sweep_state,
    trial_state,
    trial_table,
)
from trainables.metrics.names import is_fused
from trainables.schema.plain_yaml import from_yaml, to_yaml

if TYPE_CHECKING:
    from analysis.record.candidate import Candidate
    from analysis.record.mlflow_client import Store
    from analysis.record.store.database import Run

LISTED_STATES = (*COUNTED_STATES, TrialState.LOST)
LIST_COLUMNS = ["name", "state", *LISTED_STATES, "started", "goals"]  # of `list_sweeps`


def read_sweep(name: str, /, *, tracking_uri: str) -> Sweep:
    """Return one sweep, finished or still running, as the record has it now.

    Costs a few queries of a database, or a request to a server for each thousand trials. Its
    candidates read the items of replicates, of each recipe once in a process.

    Raises:
        UnknownSweep: the record has no sweep of this name.
        ValueError: there is no record at tracking_uri, or the sweep has recorded no declarations yet.
    """
    store = connect(tracking_uri)
    parent = sweep_run(store, name)
    declared = read_declarations(store, parent)
    metrics = declared.metrics
    runs = sorted(
        runs_with(store, [parent.info.experiment_id], {Tag.PARENT: parent.info.run_id}),
        key=lambda run: trial_in(run.data.tags),
    )
    params, trials = trial_table(runs, list(metrics))
    asked = sorted(retried_in(parent.data.tags))
    retried = begun_again(run.data.tags for run in runs)
    return Sweep(
        name=name,
        run_id=parent.info.run_id,
        state=sweep_state(parent),
        num_trials=declared.num_trials,
        goals=[metrics[goal] for goal in declared.goals],
        constraints=declared.constraints,
        metrics=metrics,
        params=params,
        searched=declared.searched,
        trials=trials,
        base={
            name: value
            for name, value in model_metrics(parent).items()
            if math.isfinite(value) and not is_fused(name)
        },
        tracking_uri=tracking_uri,
        commit=parent.data.tags.get(Tag.COMMIT, ""),
        digests=digests_in(parent.data.tags),
        definitions={
            name: value
            for name, value in parent.data.tags.items()
            if name == Tag.START or name.startswith(Tag.EVALUATOR)
        },
        evaluators=declared.evaluators,
        retries=tuple(number for number in asked if number not in retried),
        retried=tuple(sorted(retried)),
        lost=tuple(lost_in((run.data.tags for run in runs), parent.data.tags)),
        items_of=RecordedItems(tracking_uri),
    )


def read_state(name: str, /, *, tracking_uri: str) -> str:
    """Return the state of a sweep, as `Sweep.state`, without reading its trials.

    Raises:
        UnknownSweep: the record has no sweep of this name.
        ValueError: there is no record at tracking_uri.
    """
    return sweep_state(sweep_run(connect(tracking_uri), name))


def list_sweeps(*, tracking_uri: str) -> pd.DataFrame:
    """Return a table with a row for each sweep, newest first.

    Columns: name, state, then the numbers of trials that are complete, failed, pruned, running, killed
    and lost, then started (a time in UTC) and goals (a list of metric names).

    Raises:
        ValueError: there is no record at tracking_uri.
    """
    store = connect(tracking_uri)
    parents = sweep_runs(store)
    experiment_ids = sorted({run.info.experiment_id for run in parents})
    states: dict[str, list[str]] = {run.info.run_id: [] for run in parents}
    trials = runs_with(
        store, experiment_ids, {Tag.ROLE: Role.TRIAL}, tags_alone=True, named_alone=True
    )
    for run in trials:
        states.get(run.data.tags.get(Tag.PARENT, ""), []).append(trial_state(run))
    rows = [
        {
            "name": run.data.tags[Tag.NAME],
            "state": sweep_state(run),
            **{state: states[run.info.run_id].count(state) for state in LISTED_STATES},
            "started": _time(run.info.start_time),
            "goals": _goals(store, run),
        }
        for run in reversed(parents)
    ]
    return pd.DataFrame(rows, columns=LIST_COLUMNS)


def read_trial_yaml(sweep: Sweep, candidate: Candidate, /) -> str:
    """Return the exact configuration of a candidate as YAML; `python -m trainables run` runs it again.

    For a candidate at another α it is the configuration of its trial with that α as the only one, and
    for one in mid-training with `train.stop_after`.

    Raises:
        ValueError: the sweep has no such trial.
        NotDelivered: the store lacks it.
        OtherContent: the store gives something else than a sweep writes.
    """
    run_id, store = run_id_of(sweep, candidate.trial), connect(sweep.tracking_uri)
    place = f"{Artifact.TRIAL} of trial {candidate.trial} of sweep {sweep.name}"
    try:
        text = read_artifact(store, run_id, Artifact.TRIAL)
        config = None if text is None else from_yaml(text)
    except (ValueError, YAMLError):
        text, config = "", None
    if text is None:
        raise NotDelivered(
            f"{place} is not in the store: `sweep sync {sweep.name}` delivers it, if it waits."
        )
    if not isinstance(config, dict):
        raise OtherContent(place, sweep.tracking_uri)
    if candidate.alpha is None and candidate.step is None:
        return text
    head = [*takewhile(lambda line: line.startswith("#"), text.splitlines())]
    if candidate.step is not None:
        head.append(f"# as it was after step {candidate.step}")
        config["train"] |= {"stop_after": candidate.step}
    if candidate.alpha is not None:
        head.append(
            f"# with its weights at α = {candidate.alpha:g} between the base and what it trained"
        )
        config |= {"fusion": {"alpha": candidate.alpha}}
    return "".join(f"{line}\n" for line in head) + to_yaml(config)


def _time(since_1970_ms: int | None) -> pd.Timestamp:
    """Return a time in UTC; pandas' NaT if it is not known, or none that a table holds."""
    in_ms = pd.Series([since_1970_ms], dtype=object)
    return pd.to_datetime(in_ms, unit="ms", utc=True, errors="coerce").iloc[0]


def _goals(store: Store, parent: Run) -> list[str]:
    """Return the metric names of a sweep's goals; an empty list if the store gives no declarations.

    A sweep whose driver died at once, or whose artifacts are elsewhere, must not hide the others.
    """
    try:
        return read_declarations(store, parent).goals
    except Exception:  # of MLflow, of the library of an artifact store
        return []
