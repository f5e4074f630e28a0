"""The cost of recording: of one report in a trial's time, and of many trials until all is delivered.

    make bench            (python -m tests.benchmarks.tracking --trials 1000)

First a report of 25 metrics, to the same `mlflow server` in turns. Ours takes the time in the worker and
in the driver until the trial may go on, while the delivery runs beside it. Without an outbox a trial
would wait for one synchronous log_batch, or for Ray's own callback, which sends a request a metric.

Then trials that do nothing, with five reports each, from the start of the sweep until MLflow has all
entries, which are counted; and Ray Tune with its own callback and OptunaSearch on the same stores.
Optuna's storage is a journal beside SQLite, and PostgreSQL beside PostgreSQL, which is left out if the
machine has no server of it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import ray
from mlflow import MlflowClient
from mlflow.entities import Metric
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
from sweep.tracking import addresses, mlflow_record, sweeps
from sweep.tracking.delivery import Delivery
from sweep.tracking.outbox import Outbox
from sweep.tracking.recorder import AlreadyRecorded, Recorder
from sweep.workers.checkpoints import CheckpointStores
from sweep.workers.result import TrialResult
from sweep.workers.worker import Assignment, Worker
from tests import servers
from tests.benchmarks.orchestration import GOALS, METRICS, SPEC
from trainables.config import TrialConfig
from trainables.report import Report

NUM_METRICS = 25
REPORTS = 5
AT_ONCE = 2


class Trial:
    """The attributes of a Ray Tune trial that callbacks read."""

    def __init__(self, number: int, config: dict[str, Any]) -> None:
        self.config = config
        self.trial_id = f"{number:04}"
        self.evaluated_params: dict[str, Any] = {}

    def __str__(self) -> str:
        return self.trial_id


def spec_of(folder: Path, trials: int, sampler: str = "random") -> tuple[SweepSpec, Any]:
    """Return a spec of so many trials and its document, which is written into the folder."""
    path = folder / "spec.yaml"
    text = SPEC.replace("NAME", "bench").replace("TRIALS", str(trials))
    path.write_text(text + f"search: {{sampler: {sampler}}}\n")
    return load(path)


# A report


def report_costs(folder: Path, uri: str, rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds of each report, by the way in which it is recorded."""
    spec, document = spec_of(folder, 1)
    metrics = {f"bias/miniature/metric_{n}": n / 7 for n in range(NUM_METRICS - 1)}
    record = sweeps.open_sweep(uri, spec, document.text, {})
    outbox = Outbox(folder / "record")
    recorder = Recorder(spec, outbox, AlreadyRecorded(has_base=True), CheckpointStores())
    tree = {**spec.trials()[0].tree()}
    ours = Trial(0, {"number": 0, "trial": tree})
    client = MlflowClient(uri)
    run = client.create_run(client.create_experiment("direct")).info.run_id
    stock = MLflowLoggerCallback(uri, experiment_name="stock")
    stock.setup()
    theirs = Trial(1, {"lr": 0.1})
    stock.log_trial_start(theirs)
    reported = {"progress": 0.5, **metrics}
    times: dict[str, list[float]] = {name: [] for name in ("ours", "log_batch", "Ray's callback")}
    with Delivery(record, outbox) as delivery:
        recorder.on_trial_start(0, [], ours)
        delivery.wait(60)
        for step in range(rounds):
            result = TrialResult(step=step, progress=0.5, metrics=metrics).for_tune()

            def outboxed(result: dict[str, Any] = result) -> None:
                recorder.on_trial_result(0, [], ours, result)

            def direct(step: int = step) -> None:
                at = time.time_ns() // 1_000_000
                client.log_batch(run, [Metric(k, v, at, step) for k, v in sorted(reported.items())])

            def one_by_one(step: int = step) -> None:
                stock.log_trial_result(0, theirs, {**reported, "training_iteration": step})

            for name, write in zip(times, (outboxed, direct, one_by_one), strict=True):
                times[name].append(1000 * seconds(write))
        assert delivery.wait(60), delivery.trouble
    (trial_run,) = record.trial_runs()
    history = record._client.get_metric_history(trial_run.info.run_id, "progress")
    assert sorted(entry.step for entry in history) == list(range(rounds))
    times["ours, in the worker"] = worker_costs(tree, rounds)
    return times


def worker_costs(tree: dict[str, Any], rounds: int) -> list[float]:
    """Return the milliseconds of each step of a worker, beyond those of the trial itself."""

    def reporting(config: TrialConfig, *, resume_from: Path | None = None) -> Iterator[Report]:
        values = {metric.name: 0.5 for metric in config.metrics()}
        for step in range(1, rounds + 1):
            yield Report(step, step / (rounds + 1), values, print, print)

    worker = Worker.__new__(Worker)
    worker._assignment = Assignment(reporting)
    worker.reset_config({"number": 0, "trial": tree})
    worker.step()
    return [1000 * seconds(worker.step) for _ in range(rounds - 1)]


def seconds(call: Callable[[], Any]) -> float:
    """Call a function and return the seconds that it took."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


# Many trials


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trials", type=int, default=1000, help="of ours")
    parser.add_argument("--stock-trials", type=int, default=60, help="of Ray Tune's")
    parser.add_argument("--reports", type=int, default=100, help="rounds of reports")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    os.environ |= {"TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1", "RAY_AIR_NEW_OUTPUT": "0"}
    with ExitStack() as open_:
        folder = Path(open_.enter_context(tempfile.TemporaryDirectory()))
        try:
            postgres = open_.enter_context(servers.postgresql())
        except servers.NotInstalled as error:
            print(f"without PostgreSQL: {error}")
            postgres = None
        reports = bench_reports(folder, postgres, options.reports)
        ray.init(
            num_cpus=AT_ONCE, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
        )
        flows = bench_trials(folder, postgres, options.trials, options.stock_trials)
        ray.shutdown()
    if options.json:
        options.json.write_text(json.dumps({"report_ms": reports, "trials": flows}, indent=1))


def bench_reports(
    folder: Path, postgres: servers.PostgreSQL | None, rounds: int
) -> dict[str, dict[str, list[float]]]:
    """Print a table of the cost of a report; return its milliseconds by store and way."""
    stores = {"SQLite": f"sqlite:///{folder}/reports.db"}
    if postgres:
        stores["PostgreSQL"] = postgres.url("reports")
    table = Table(title=f"a report of {NUM_METRICS} metrics, in the trial's time, 2 CPUs")
    for heading in ("mlflow server on", "", "ms", "p95", "ratio", "load"):
        table.add_column(heading, justify="left" if heading[:2] in ("ml", "") else "right")
    all_costs = {}
    for name, uri in stores.items():
        store_folder = folder / name
        store_folder.mkdir()
        with servers.mlflow_server(uri, str(store_folder / "artifacts"), store_folder) as address:
            costs = report_costs(store_folder, address, rounds)
        all_costs[name] = costs
        whole = [
            a + b for a, b in zip(costs["ours"][1:], costs["ours, in the worker"], strict=True)
        ]
        rows = {"equipoise": whole} | {key: costs[key] for key in ("log_batch", "Ray's callback")}
        for way, times in rows.items():
            ratio = f"{median(times) / median(whole):.1f}"
            p95 = sorted(times)[int(0.95 * len(times))]
            row = name, way, f"{median(times):.2f}", f"{p95:.2f}", ratio
            table.add_row(*row, f"{os.getloadavg()[0]:.1f}")
    Console(width=80).print(table)
    return all_costs


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
        addresses.prepare_store(uri)
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


if __name__ == "__main__":
    main()
