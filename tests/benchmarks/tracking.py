"""What the record costs: a report in the trial's own time, and many trials until all is delivered.

    make bench            (python -m tests.benchmarks.tracking --trials 1000)

A report of 25 metrics, in turns and to the same `mlflow server`: ours (the worker's part, and the
driver's until the trial may go on, while the delivery runs beside it) against what the trial would
wait for without an outbox: one synchronous log_batch, and Ray's own callback, which asks once a
metric. Then trials that do nothing, with five reports each, from the start of the sweep until MLflow
has everything, which is counted (of ours); Ray Tune with its own callback and OptunaSearch on the same
stores. Optuna is in a journal beside SQLite, and in PostgreSQL too, which is left out where there is no
server of it on the machine.
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
    """As Ray Tune hands one to its callbacks."""

    def __init__(self, number: int, config: dict[str, Any]) -> None:
        self.config = config
        self.trial_id = f"{number:04}"
        self.evaluated_params: dict[str, Any] = {}

    def __str__(self) -> str:
        return self.trial_id


def spec_of(folder: Path, trials: int, sampler: str = "random") -> tuple[SweepSpec, Any]:
    path = folder / "spec.yaml"
    text = SPEC.replace("NAME", "bench").replace("TRIALS", str(trials))
    path.write_text(text + f"search: {{sampler: {sampler}}}\n")
    return load(path)


# A report


def report_costs(folder: Path, uri: str, rounds: int) -> dict[str, list[float]]:
    """Milliseconds a report, each way in turn."""
    spec, document = spec_of(folder, 1)
    metrics = {f"bias/miniature/metric_{n}": n / 7 for n in range(NUM_METRICS - 1)}
    record = sweeps.open_sweep(uri, spec, document.text, {})
    outbox = Outbox(folder / "record")
    already = AlreadyRecorded(has_base=True)
    recorder = Recorder(spec, outbox, already, CheckpointStores())
    tree = {**spec.trials()[0].tree()}
    ours = Trial(0, {"number": 0, "trial": tree})
    client = MlflowClient(uri)
    run = client.create_run(client.create_experiment("direct")).info.run_id
    stock = MLflowLoggerCallback(uri, experiment_name="stock")
    stock.setup()
    theirs = Trial(1, {"lr": 0.1})
    stock.log_trial_start(theirs)
    given = {"progress": 0.5, **metrics}
    found: dict[str, list[float]] = {name: [] for name in ("ours", "log_batch", "Ray's callback")}
    with Delivery(record, outbox) as delivery:
        recorder.on_trial_start(0, [], ours)
        delivery.wait(60)
        for step in range(rounds):
            result = TrialResult(step=step, progress=0.5, metrics=metrics).for_tune()

            def outboxed(result: dict[str, Any] = result) -> None:
                recorder.on_trial_result(0, [], ours, result)

            def direct(step: int = step) -> None:
                at = time.time_ns() // 1_000_000
                client.log_batch(run, [Metric(k, v, at, step) for k, v in sorted(given.items())])

            def one_by_one(step: int = step) -> None:
                stock.log_trial_result(0, theirs, {**given, "training_iteration": step})

            for name, write in zip(found, (outboxed, direct, one_by_one), strict=True):
                found[name].append(1000 * seconds(write))
        assert delivery.wait(60), delivery.trouble
    (of_trial,) = record.trials()
    history = record._client.get_metric_history(of_trial.info.run_id, "progress")
    assert sorted(entry.step for entry in history) == list(range(rounds))
    found["ours, in the worker"] = worker_costs(tree, rounds)
    return found


def worker_costs(tree: dict[str, Any], rounds: int) -> list[float]:
    """Milliseconds of a worker's step beyond what the trial itself does."""

    def reporting(config: TrialConfig, *, resume_from: Path | None = None) -> Iterator[Report]:
        values = {metric.name: 0.5 for metric in config.metrics()}
        for step in range(1, rounds + 1):
            yield Report(step, step / (rounds + 1), values, print, print)

    worker = Worker.__new__(Worker)
    worker._assignment = Assignment(reporting)
    worker.reset_config({"number": 0, "trial": tree})
    worker.step()
    return [1000 * seconds(worker.step) for _ in range(rounds - 1)]


def seconds(act: Callable[[], Any]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


# Many trials


class Clock(tune.Callback):
    """When the last trial ended."""

    def __init__(self) -> None:
        self.first = self.last = 0.0

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def on_trial_complete(self, *_: Any, **__: Any) -> None:
        self.last = time.perf_counter()
        self.first = self.first or self.last


def resting_trial(config: TrialConfig, *, resume_from: Path | None = None) -> Iterator[Report]:
    for step in range(REPORTS):
        values = dict.fromkeys(METRICS, config.train.lr)
        yield Report(step, step / (REPORTS - 1), values, print, print)


class RestingTrainable(tune.Trainable):
    def step(self) -> dict[str, Any]:
        values = dict.fromkeys(METRICS, self.config["lr"])
        return {**values, "done": self.iteration == REPORTS - 1}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.config = new_config
        return True


def ours(folder: Path, trials: int, uri: str, storage: str | None) -> tuple[float, float, float]:
    """Trials a second once they flow; seconds in all; seconds of them after the last trial."""
    os.environ["SWEEP_HOME"] = str(folder / "sweeps")
    spec, document = spec_of(folder, trials)
    clock = Clock()
    began = time.perf_counter()
    record = run_sweep.run(
        spec,
        document,
        run_sweep.Backends(uri, storage),
        on_start=lambda started: [clock],
        run_trial=resting_trial,
    )
    ended = time.perf_counter()
    outbox = Outbox(folder / "sweeps" / "bench" / "record")
    assert outbox.is_delivered
    assert not (outbox.folder / "refused.jsonl").exists()
    study = open_study(storage or folder / "sweeps" / "bench" / "search.journal", spec)
    assert Counter(end.state for end in outcomes(study)) == {"complete": trials}
    count(record, trials)
    return (trials - 1) / (clock.last - clock.first), ended - began, ended - clock.last


def count(record: mlflow_record.Record, trials: int) -> None:
    """Every trial one closed run, every step once; of each metric the last of them counts."""
    runs = record.trials()
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
    asked = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    asked.add_argument("--trials", type=int, default=1000, help="of ours")
    asked.add_argument("--stock-trials", type=int, default=60, help="of Ray Tune's")
    asked.add_argument("--reports", type=int, default=100, help="rounds of reports")
    asked.add_argument("--json", type=Path)
    options = asked.parse_args()
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
    stores = {"SQLite": f"sqlite:///{folder}/reports.db"}
    if postgres:
        stores["PostgreSQL"] = postgres.url("reports")
    table = Table(title=f"a report of {NUM_METRICS} metrics, in the trial's time, 2 CPUs")
    for heading in ("mlflow server on", "", "ms", "p95", "ratio", "load"):
        table.add_column(heading, justify="left" if heading[:2] in ("ml", "") else "right")
    found = {}
    for name, uri in stores.items():
        here = folder / name
        here.mkdir()
        with servers.mlflow_server(uri, str(here / "artifacts"), here) as address:
            found[name] = report_costs(here, address, rounds)
        costs = found[name]
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
    return found


def bench_trials(
    folder: Path, postgres: servers.PostgreSQL | None, many: int, few: int
) -> dict[str, tuple[int, float, float, float]]:
    stores: dict[str, tuple[str, str | None]] = {"SQLite": (f"sqlite:///{folder}/trials.db", None)}
    if postgres:
        stores["PostgreSQL"] = (postgres.url("trials"), postgres.url("search"))
    table = Table(title=f"trials of {REPORTS} reports, {platform.machine()}, {AT_ONCE} at once")
    for heading in ("kept on", "", "trials", "trials/s", "s in all", "after last"):
        table.add_column(heading, justify="left" if heading in ("kept on", "") else "right")
    table.add_column("load", justify="right")
    found = {}
    for name, (uri, storage) in stores.items():
        addresses.reach(uri)
        for way, run, trials in (("equipoise", ours, many), ("Ray Tune's own", stock, few)):
            here = folder / f"{name} {way}"
            here.mkdir()
            pace, whole, after = run(here, trials, uri, storage)
            found[f"{name}, {way}"] = (trials, pace, whole, after)
            row = name, way, f"{trials:,}", f"{pace:.1f}", f"{whole:.0f}", f"{after:.1f}"
            table.add_row(*row, f"{os.getloadavg()[0]:.1f}")
            print(f"{name}, {way}: {trials} trials of {REPORTS} reports", flush=True)
    Console(width=80).print(table)
    return found


if __name__ == "__main__":
    main()
