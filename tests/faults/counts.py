"""What a sweep has left behind, counted: in Optuna's journal and on the tracking server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

History = dict[str, list[tuple[int, float]]]  # of each metric: steps and values


@dataclass
class Counts:
    """One sweep, as it is on record."""

    optuna: Counter[str]
    runs: Counter[str]  # trials' runs by status
    parent: str  # status of the sweep's run
    numbers: list[int]  # sweep.trial of each run
    orphans: int  # runs of another parent, or of none
    base: History
    history: dict[int, History]
    params: dict[int, dict[str, str]]
    artifacts: dict[int, set[str]] = field(default_factory=dict)


def count(home: Path, tracking_uri: str, name: str) -> Counts:
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
        found = {}
        for metric in run.data.metrics:
            entries = client.get_metric_history(run.info.run_id, metric)
            found[metric] = sorted((entry.step, entry.value) for entry in entries)
        return found

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
        history={number: history(run) for number, run in by_number.items()},
        params={number: run.data.params for number, run in by_number.items()},
        artifacts={
            number: {file.path for file in client.list_artifacts(run.info.run_id)}
            for number, run in by_number.items()
        },
    )


def check(counts: Counts, *, num_trials: int, steps: Iterable[int]) -> None:
    """Nothing is missing, nothing is there twice, and nothing is left open."""
    assert counts.optuna == {"COMPLETE": num_trials}
    assert counts.runs == {"FINISHED": num_trials}
    assert counts.parent == "FINISHED"
    assert counts.numbers == list(range(num_trials))
    assert counts.orphans == 0
    steps = list(steps)
    for number, history in counts.history.items():
        for metric, found in history.items():
            told = [step for step, _ in found]
            if metric.startswith(("se/", "system/")):  # not at each step: an estimate's error
                assert len(told) == len(set(told)), (number, metric)
            else:
                assert told == steps, (number, metric)
        assert "progress" in history
        assert {"trial.yaml", "items.parquet"} <= counts.artifacts[number], number
    for metric, found in counts.base.items():
        curve = metric.startswith("front/")  # a point as each trial ends
        told = list(range(1, num_trials + 1)) if curve else [0]
        assert [step for step, _ in found] == told, metric
