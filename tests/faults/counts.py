"""Count trials, runs, steps and artifacts of a sweep, in Optuna's journal and on the tracking server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from analysis.record.names import Tag

History = dict[
    str, list[tuple[int, float]]
]  # (step, value) of each report, by the name of the metric


@dataclass
class Counts:
    """One sweep, as Optuna and MLflow have it.

    optuna: number of trials in each state of Optuna.
    runs: number of runs of trials in each status of MLflow.
    parent: status of the sweep's own run.
    numbers: number of the trial of each run.
    orphans: number of runs whose parent is not the sweep's own run.
    base: metrics of the sweep's own run.
    reasons: why each failed trial failed, by its number.
    history, params, artifacts: metrics, parameters and files of each trial, by its number.
    """

    optuna: Counter[str]
    runs: Counter[str]
    parent: str
    numbers: list[int]
    orphans: int
    base: History
    reasons: dict[int, str]
    history: dict[int, History]
    params: dict[int, dict[str, str]]
    artifacts: dict[int, set[str]] = field(default_factory=dict)


def count(home: Path, tracking_uri: str, name: str) -> Counts:
    """Return the counts of the sweep of a name, whose files lie in the folder `home`."""
    from mlflow import MlflowClient
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend
    from optuna.study import load_study

    storage = JournalStorage(JournalFileBackend(str(home / name / "search.journal")))
    study = load_study(study_name=name, storage=storage)
    client = MlflowClient(tracking_uri)
    experiment = client.get_experiment_by_name(name)
    runs = client.search_runs([experiment.experiment_id], max_results=10_000)
    (parent,) = [run for run in runs if run.data.tags.get("sweep.role") == "sweep"]
    trials = [run for run in runs if run is not parent]

    def history(run) -> History:
        values = {}
        for metric in run.data.metrics:
            entries = client.get_metric_history(run.info.run_id, metric)
            values[metric] = sorted((entry.step, entry.value) for entry in entries)
        return values

    by_number = {int(run.data.tags["sweep.trial"]): run for run in trials}
    return Counts(
        optuna=Counter(trial.state.name for trial in study.get_trials(deepcopy=False)),
        runs=Counter(run.info.status for run in trials),
        parent=parent.info.status,
        numbers=sorted(int(run.data.tags["sweep.trial"]) for run in trials),
        orphans=sum(
            run.data.tags.get("mlflow.parentRunId") != parent.info.run_id for run in trials
        ),
        base=history(parent),
        reasons={
            number: run.data.tags[Tag.REASON]
            for number, run in by_number.items()
            if run.data.tags.get(Tag.REASON)
        },
        history={number: history(run) for number, run in by_number.items()},
        params={number: run.data.params for number, run in by_number.items()},
        artifacts={
            number: {file.path for file in client.list_artifacts(run.info.run_id)}
            for number, run in by_number.items()
        },
    )


def check(counts: Counts, *, num_trials: int, steps: Iterable[int]) -> None:
    """Fail unless every trial and step is recorded exactly once, and every run is finished.

    steps: those that each trial reports.
    """
    assert counts.optuna == {"COMPLETE": num_trials}, counts.reasons
    assert counts.runs == {"FINISHED": num_trials}
    assert counts.parent == "FINISHED"
    assert counts.numbers == list(range(num_trials))
    assert counts.orphans == 0
    steps = list(steps)
    for number, history in counts.history.items():
        for metric, values in history.items():
            recorded_steps = [step for step, _ in values]
            if metric.startswith(("se/", "df/", "system/", "train/")):  # not recorded at every step
                assert len(recorded_steps) == len(set(recorded_steps)), (number, metric)
            else:
                assert recorded_steps == steps, (number, metric)
        assert "progress" in history
        assert {"trial.yaml", "items.parquet"} <= counts.artifacts[number], number
    for metric, values in counts.base.items():
        is_curve = metric.startswith("front/")  # a point as each trial ends
        expected = list(range(1, num_trials + 1)) if is_curve else [0]
        assert [step for step, _ in values] == expected, metric
