"""Seconds that `sweep ls`, `status` and `front` take for a sweep of thousands of trials.

    make bench            (python -m tests.benchmarks.reading --trials 3000)

The record has 25 metrics, with their errors and degrees of freedom, in five reports of each trial. It is
written into the tables of MLflow at once, which takes seconds. A time is that of a process, with its
start: the median of three, in turns.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table
from sqlalchemy import create_engine, insert

from analysis.record.names import Role, Series, Tag, TrialState
from sweep import workspace
from sweep.config.check import load
from sweep.config.spec import SweepSpec
from sweep.space import draw
from sweep.tracking import sweeps
from sweep.tracking.recorder import _columns
from tests.benchmarks.orchestration import SPEC
from trainables.config import TrialConfig
from trainables.metrics.names import df_name, error_name

NAME = "many"
NUM_METRICS = 25
REPORTS = 5
VERBS = {"ls": ["ls"], "status": ["status", NAME], "front": ["front", NAME]}
ROWS_AT_ONCE = 50_000


def build(home: Path, trials: int, *, seed: int = 0) -> str:
    """Record a sweep of so many complete trials in the store of a $SWEEP_HOME; return its address."""
    os.environ["SWEEP_HOME"] = str(home)
    uri = workspace.local_tracking_uri()
    path = home / "spec.yaml"
    path.write_text(SPEC.replace("NAME", NAME).replace("TRIALS", str(trials)))
    spec, document = load(path)
    record = sweeps.open_sweep(uri, spec, document.text, {}, workspace.artifact_location(uri, NAME))
    fill(uri, record, spec, trials, random.Random(seed))
    return uri


def fill(uri: str, record: Any, spec: SweepSpec, trials: int, numbers: random.Random) -> None:
    """Write complete trials, and the base model, into the tables of MLflow."""
    from mlflow.store.tracking.dbmodels.models import (
        SqlLatestMetric,
        SqlMetric,
        SqlParam,
        SqlRun,
        SqlTag,
    )

    rows: dict[Any, list[dict[str, Any]]] = {
        table: [] for table in (SqlRun, SqlTag, SqlParam, SqlMetric, SqlLatestMetric)
    }
    engine = create_engine(uri)
    with engine.begin() as connection:

        def flush(at_least: int) -> None:
            for table, waiting in rows.items():
                if len(waiting) >= at_least:
                    connection.execute(insert(table), waiting)
                    waiting.clear()

        began = int(time.time() * 1000) - 1000 * trials
        _add_metrics(rows, record.run_id, began, 0, spec, numbers, is_last=True)
        for number in range(trials):
            run_id, at = uuid.uuid4().hex, began + 1000 * number
            config = _config(spec, numbers)
            rows[SqlRun].append(
                {
                    "run_uuid": run_id,
                    "name": f"{NAME}-{number:04}",
                    "user_id": "somebody",
                    "status": "FINISHED",
                    "start_time": at,
                    "end_time": at + 900,
                    "artifact_uri": f"{workspace.home()}/artifacts/{NAME}/{run_id}/artifacts",
                    "experiment_id": int(record.experiment_id),
                }
            )
            tags = _columns(config) | {
                Tag.ROLE: Role.TRIAL,
                Tag.PARENT: record.run_id,
                Tag.SWEEP: NAME,
                Tag.TRIAL: str(number),
                Tag.STATE: TrialState.COMPLETE,
                Tag.ON_FRONT: "false",
                Tag.REASON: "",
                Tag.SPACE_VERSION: "1",
            }
            rows[SqlTag] += _pairs(run_id, tags)
            rows[SqlParam] += _pairs(run_id, config.flat())
            for step in range(REPORTS):
                is_last = step == REPORTS - 1
                _add_metrics(rows, run_id, at + 100 * step, step, spec, numbers, is_last=is_last)
            flush(ROWS_AT_ONCE)
        flush(1)
    engine.dispose()
    record.end_run(record.run_id, "FINISHED")
    record.set_tags({Tag.STATE: "finished"})


def _config(spec: SweepSpec, numbers: random.Random) -> TrialConfig:
    """Return the settings of a trial, drawn from a spec."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.RandomSampler(seed=numbers.getrandbits(32))
    study = optuna.create_study(sampler=sampler)
    return TrialConfig.model_validate(draw.suggest(spec.trial, study.ask()))


def _pairs(run_id: str, values: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a row of a table of tags or parameters for each value."""
    return ({"key": key, "value": str(value), "run_uuid": run_id} for key, value in values.items())


def _add_metrics(
    rows: dict[Any, list[dict[str, Any]]],
    run_id: str,
    at: int,
    step: int,
    spec: SweepSpec,
    numbers: random.Random,
    *,
    is_last: bool,
) -> None:
    """Add the metrics of one report."""
    from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlMetric

    names = list(spec.metrics())
    names += [f"task/more/number_{number}" for number in range(NUM_METRICS - len(names))]
    values = {Series.PROGRESS: step / (REPORTS - 1)}
    for name in names[:NUM_METRICS]:
        values |= {name: 10 * numbers.random(), error_name(name): 0.3, df_name(name): 40.0}
    added = [
        {
            "key": key,
            "value": value,
            "timestamp": at,
            "step": step,
            "is_nan": False,
            "run_uuid": run_id,
        }
        for key, value in values.items()
    ]
    rows[SqlMetric] += added
    if is_last:
        rows[SqlLatestMetric] += added


def seconds(home: Path, words: list[str]) -> float:
    """Return the seconds of one process of `sweep WORDS…`."""
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "sweep", *words],
        env=os.environ | {"SWEEP_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trials", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        build(home, options.trials)
        times: dict[str, list[float]] = {verb: [] for verb in VERBS}
        for _ in range(options.rounds):
            for verb, words in VERBS.items():
                times[verb].append(seconds(home, words))
    table = Table(title=f"reading {options.trials:,} trials of {NUM_METRICS} metrics, seconds")
    for heading in ("", "s", "longest", "load"):
        table.add_column(heading, justify="right" if heading else "left")
    for verb, own in times.items():
        load = f"{os.getloadavg()[0]:.1f}"
        table.add_row(f"sweep {verb}", f"{median(own):.2f}", f"{max(own):.2f}", load)
    Console(width=80).print(table)
    if options.json:
        options.json.write_text(json.dumps(times, indent=1))


if __name__ == "__main__":
    main()
