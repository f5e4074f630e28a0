"""The pace of many trials that report and do nothing else, until MLflow has all their reports."""

from __future__ import annotations

import os
import platform
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ray import tune
from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.tune.search import ConcurrencyLimiter
from ray.tune.search.optuna import OptunaSearch
from rich.console import Console
from rich.table import Table

from sweep.config.check import load
from sweep.config.spec import SweepSpec
from sweep.driver import run_sweep
from sweep.search.study import open_study, outcomes
from sweep.tracking import mlflow_record
from sweep.tracking.outbox import Outbox
from sweep.tracking.store import preparing
from tests import servers
from tests.benchmarks.orchestration import GOALS, METRICS, SPEC
from trainables.config import TrialConfig
from trainables.report import Report

REPORTS = 5
AT_ONCE = 2


def spec_of(folder: Path, trials: int) -> tuple[SweepSpec, Any]:
    """Return a spec of so many trials and its document, which is written into the folder."""
    path = folder / "spec.yaml"
    text = SPEC.replace("NAME", "bench").replace("TRIALS", str(trials))
    path.write_text(text + "search: {sampler: random}\n")
    return load(path)


class Clock(tune.Callback):
    """A ray.tune Callback that notes when the first and the last trial ended, in seconds."""

    def __init__(self) -> None:
        self.first = self.last = 0.0

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def on_trial_complete(self, *_: Any, **__: Any) -> None:
        self.last = time.perf_counter()
        self.first = self.first or self.last


def resting_trial(config: TrialConfig, *, resume_from: Path | None = None) -> Iterator[Report]:
    """Yield a few reports without training, in place of run_trial."""
    for step in range(REPORTS):
        values = dict.fromkeys(METRICS, config.train.lr)
        yield Report(step, step / (REPORTS - 1), values, print, print)


class RestingTrainable(tune.Trainable):
    """The same for Ray Tune alone."""

    def step(self) -> dict[str, Any]:
        values = dict.fromkeys(METRICS, self.config["lr"])
        return {**values, "done": self.iteration == REPORTS - 1}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.config = new_config
        return True


def ours(folder: Path, trials: int, uri: str, storage: str | None) -> tuple[float, float, float]:
    """Run a sweep of ours on a tracking store and an Optuna storage (None: a journal).

    Returns:
        Trials a second after the first; seconds in all; seconds of them after the last trial.
    """
    os.environ["SWEEP_HOME"] = str(folder / "sweeps")
    spec, document = spec_of(folder, trials)
    clock = Clock()
    began = time.perf_counter()
    record = run_sweep.run(
        spec,
        document,
        run_sweep.Backends(uri, storage),
        on_start=lambda running: [clock],
        run_trial=resting_trial,
    )
    ended = time.perf_counter()
    outbox = Outbox(folder / "sweeps" / "bench" / "record")
    assert outbox.is_delivered
    assert not (outbox.folder / "refused.jsonl").exists()
    study = open_study(storage or folder / "sweeps" / "bench" / "search.journal", spec)
    assert Counter(outcome.state for outcome in outcomes(study)) == {"complete": trials}
    count(record, trials)
    return (trials - 1) / (clock.last - clock.first), ended - began, ended - clock.last


def count(record: mlflow_record.Record, trials: int) -> None:
    """Fail unless each trial is one finished run, in which each step is recorded once."""
    runs = record.trial_runs()
    assert len(runs) == trials
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert {int(run.data.tags["sweep.trial"]) for run in runs} == set(range(trials))
    assert {run.data.metrics["progress"] for run in runs} == {1.0}
    for run in runs:
        history = record._client.get_metric_history(run.info.run_id, "progress")
        assert [(e.step, e.value) for e in history] == [
            (step, step / (REPORTS - 1)) for step in range(REPORTS)
        ]


def stock(folder: Path, trials: int, uri: str, storage: str | None) -> tuple[float, float, float]:
    """Run Ray Tune with OptunaSearch and its MLflow callback; return the same as `ours`."""
    import optuna
    from ray.tune.search.optuna import optuna_search

    optuna_search.logger.setLevel("ERROR")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    clock = Clock()
    lr = optuna.distributions.FloatDistribution(1e-4, 1e-2, log=True)
    search = OptunaSearch(
        space={"lr": lr, "weight": optuna.distributions.FloatDistribution(1, 100, log=True)},
        metric=GOALS,
        mode=["min", "min"],
        sampler=optuna.samplers.RandomSampler(seed=0),
        study_name="stock",
        storage=optuna.storages.RDBStorage(storage) if storage else None,
    )
    began = time.perf_counter()
    tune.Tuner(
        RestingTrainable,
        tune_config=tune.TuneConfig(
            search_alg=ConcurrencyLimiter(search, AT_ONCE),
            num_samples=trials,
            reuse_actors=True,
            trial_dirname_creator=lambda trial: trial.trial_id,
        ),
        run_config=tune.RunConfig(
            name="stock",
            storage_path=str(folder),
            verbose=0,
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            callbacks=[MLflowLoggerCallback(uri, experiment_name="stock"), clock],
        ),
    ).fit()
    ended = time.perf_counter()
    return (trials - 1) / (clock.last - clock.first), ended - began, ended - clock.last


def bench_trials(
    folder: Path, postgres: servers.PostgreSQL | None, many: int, few: int
) -> dict[str, tuple[int, float, float, float]]:
    """Print a table of the pace of trials; return it by store and way.

    many, few: number of trials of ours, and of Ray Tune's.
    """
    stores: dict[str, tuple[str, str | None]] = {"SQLite": (f"sqlite:///{folder}/trials.db", None)}
    if postgres:
        stores["PostgreSQL"] = (postgres.url("trials"), postgres.url("search"))
    table = Table(title=f"trials of {REPORTS} reports, {platform.machine()}, {AT_ONCE} at once")
    for heading in ("kept on", "", "trials", "trials/s", "s in all", "after last"):
        table.add_column(heading, justify="left" if heading in ("kept on", "") else "right")
    table.add_column("load", justify="right")
    paces = {}
    for name, (uri, storage) in stores.items():
        preparing.prepare_store(uri)
        for way, run, trials in (("equipoise", ours, many), ("Ray Tune's own", stock, few)):
            run_folder = folder / f"{name} {way}"
            run_folder.mkdir()
            pace, whole, after = run(run_folder, trials, uri, storage)
            paces[f"{name}, {way}"] = (trials, pace, whole, after)
            row = name, way, f"{trials:,}", f"{pace:.1f}", f"{whole:.0f}", f"{after:.1f}"
            table.add_row(*row, f"{os.getloadavg()[0]:.1f}")
            print(f"{name}, {way}: {trials} trials of {REPORTS} reports", flush=True)
    Console(width=80).print(table)
    return paces
