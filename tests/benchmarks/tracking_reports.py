"""The cost of recording one report, in the time of its trial."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric
from ray.air.integrations.mlflow import MLflowLoggerCallback
from rich.console import Console
from rich.table import Table

from sweep.tracking import sweeps
from sweep.tracking.delivery import Delivery
from sweep.tracking.outbox import Outbox
from sweep.tracking.recorder import AlreadyRecorded, Recorder
from sweep.trial_request import TrialRequest
from sweep.workers.assignment import Assignment
from sweep.workers.checkpoints import CheckpointStores
from sweep.workers.result import TrialResult
from sweep.workers.worker import Worker
from tests import servers
from tests.benchmarks.tracking_trials import spec_of
from trainables.config import TrialConfig
from trainables.report import Report

NUM_METRICS = 25


class Trial:
    """The attributes of a Ray Tune trial that callbacks read."""

    def __init__(self, number: int, config: dict[str, Any]) -> None:
        self.config = config
        self.trial_id = f"{number:04}"
        self.evaluated_params: dict[str, Any] = {}

    def __str__(self) -> str:
        return self.trial_id


def report_costs(folder: Path, uri: str, rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds of each report, by the way in which it is recorded."""
    spec, document = spec_of(folder, 1)
    metrics = {f"bias/miniature/metric_{n}": n / 7 for n in range(NUM_METRICS - 1)}
    record = sweeps.open_sweep(uri, spec, document.text, {})
    outbox = Outbox(folder / "record")
    recorder = Recorder(spec, outbox, AlreadyRecorded(has_base=True), CheckpointStores())
    tree = {**spec.trials()[0].tree()}
    ours = Trial(0, TrialRequest(0, tree).to_config())
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
    worker.reset_config(TrialRequest(0, tree).to_config())
    worker.step()
    return [1000 * seconds(worker.step) for _ in range(rounds - 1)]


def seconds(call: Callable[[], Any]) -> float:
    """Call a function and return the seconds that it took."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


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
