"""Seconds until a trial of two processes has begun: ours, and Ray Train within Ray Tune.

    make bench            (python -m tests.benchmarks.together --trials 10)

A trial adds one number up over its two processes, and reports. Both run one trial after the other on one
Ray cluster of two CPUs (and one more for Ray Train's coordinator). The time of a trial is that from the
end of the one before it; the first, which starts the processes, stands apart.
"""

from __future__ import annotations

import argparse
import itertools
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import ray
from ray import train, tune
from ray.train.torch import TorchConfig, TorchTrainer
from ray.tune.integration.ray_train import TuneReportCallback
from rich.console import Console
from rich.table import Table

from sweep.config.check import check
from sweep.driver import run_sweep
from tests.benchmarks.orchestration import METRICS, SPEC, Clock
from trainables.config import TrialConfig
from trainables.report import Report
from trainables.schema.yaml_file import read

TOGETHER = "resources: {at_once: 1, workers_per_trial: 2}\n"


def summing_trial(config: TrialConfig, *, resume_from: Path | None = None) -> Iterator[Report]:
    """Yield one report after a sum over the processes of the trial, in place of run_trial."""
    from trainables.training.ranks import joined

    ranks = joined()
    assert ranks.summed([1.0]) == [2.0]
    metrics = dict.fromkeys(METRICS, config.train.lr) if ranks.is_first else {}
    yield Report(2, 1.0, metrics, print, print)


def ours(folder: Path, trials: int) -> list[float]:
    """Run a sweep of ours, and return its start and the times at which its trials ended, in seconds."""
    os.environ["SWEEP_HOME"] = str(folder)
    path = folder / "spec.yaml"
    path.write_text(SPEC.replace("NAME", "bench").replace("TRIALS", str(trials)) + TOGETHER)
    document, clock, began = read(path), Clock(), time.perf_counter()
    run_sweep.run(
        check(document),
        document,
        run_sweep.Backends(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}"),
        on_start=lambda running: [clock],
        run_trial=summing_trial,
    )
    return [began, *clock.ends]


def with_ray_train(folder: Path, trials: int) -> list[float]:
    """Do the same with a TorchTrainer in each trial of Ray Tune, as Ray's documentation shows."""

    def work(config: dict[str, Any]) -> None:
        import torch

        total = torch.ones(())
        torch.distributed.all_reduce(total)
        train.report({"total": float(total)})

    def trial(config: dict[str, Any]) -> None:
        TorchTrainer(
            work,
            train_loop_config=config,
            torch_config=TorchConfig(backend="gloo"),
            scaling_config=train.ScalingConfig(num_workers=2),
            run_config=train.RunConfig(
                name=tune.get_context().get_trial_id(),
                storage_path=str(folder),
                callbacks=[TuneReportCallback()],
            ),
        ).fit()

    clock, began = Clock(), time.perf_counter()
    tune.Tuner(
        tune.with_resources(trial, {"cpu": 1}),
        param_space={"lr": tune.uniform(0, 1)},
        tune_config=tune.TuneConfig(num_samples=trials, max_concurrent_trials=1, reuse_actors=True),
        run_config=tune.RunConfig(storage_path=str(folder), verbose=0, callbacks=[clock]),
    ).fit()
    return [began, *clock.ends]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--trials", type=int, default=10, help="of ours; Ray Train runs three")
    options = parser.parse_args()
    table = Table(title="two processes a trial, one trial at a time", title_justify="left")
    for heading in ("", "first trial, s", "a further trial, s", "trials"):
        table.add_column(heading, justify="right" if heading else "left")
    # The dashboard is there for Ray Train, which without it never frees the processes of a stopped trial.
    ray.init(address="local", num_cpus=3, log_to_driver=False, logging_level="ERROR")
    for name, run, trials in (
        ("ours", ours, options.trials),
        ("Ray Train in Ray Tune", with_ray_train, 3),
    ):
        with tempfile.TemporaryDirectory() as folder:
            times = run(Path(folder), trials)
        first, *others = [after - before for before, after in itertools.pairwise(times)]
        table.add_row(name, f"{first:.1f}", f"{median(others):.2f}", str(trials))
    ray.shutdown()
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
