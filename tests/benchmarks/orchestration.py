"""Seconds that a trial costs beyond its own work: ours, and Ray Tune with its stock integrations.

    make bench            (python -m tests.benchmarks.orchestration --trials 40)

A trial does nothing but report the same metrics once. All sweeps run in one process on one Ray cluster
of two CPUs, two trials at once, each with its own SQLite store, twice in turn. The pace is compared
from the end of the first trial to the end of the last; the wall time of the whole stands beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import ray
from ray import tune
from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.tune.search import ConcurrencyLimiter
from ray.tune.search.optuna import OptunaSearch
from rich.console import Console
from rich.table import Table
from ruamel.yaml import YAML

from sweep.config.check import check
from sweep.config.spec import SweepSpec
from sweep.driver import run_sweep
from tests.local_ray import start_ray
from trainables.config import TrialConfig
from trainables.report import Report
from trainables.schema.yaml_file import read

AT_ONCE = 2
SPEC = """\
name: NAME
trial:
  model: {path: miniature-llama}
  alignment: {data: miniature, size: 50}
  objective: {name: likelihood_gap, weight: {loguniform: [1, 100]}}
  regulariser: {name: kl_to_base, weight: {loguniform: [0.01, 1]}}
  train: {lr: {loguniform: [1e-4, 1e-2]}, steps: 2, batch_size: 4}
  evaluators:
    - {name: stereoset, data: miniature}
    - {name: perplexity, data: miniature}
goals: [bias/miniature/gap, forgetting/general/nll_rise]
budget: {trials: TRIALS}
"""
GOALS = ["bias/miniature/gap", "forgetting/general/nll_rise"]
METRICS = list(
    SweepSpec.model_validate(
        YAML(typ="safe", pure=True).load(SPEC.replace("NAME", "a").replace("TRIALS", "1"))
    ).metrics()
)


class Clock(tune.Callback):
    """A ray.tune Callback that notes the time at which each trial ends, in seconds."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def on_trial_complete(self, *_: Any, **__: Any) -> None:
        self.ends.append(time.perf_counter())


def resting_trial(config: TrialConfig, *, resume_from: Path | None = None) -> Iterator[Report]:
    """Yield one report, in place of run_trial."""
    yield Report(2, 1.0, dict.fromkeys(METRICS, config.train.lr), print, print)


class RestingTrainable(tune.Trainable):
    """The same for Ray Tune alone: one report, then done."""

    def step(self) -> dict[str, Any]:
        return {**dict.fromkeys(METRICS, self.config["lr"]), "done": True}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.config = new_config
        return True


def ours(folder: Path, trials: int) -> list[float]:
    """Run a sweep of ours, and return the times at which its trials ended, in seconds."""
    os.environ["SWEEP_HOME"] = str(folder)
    path = folder / "spec.yaml"
    path.write_text(SPEC.replace("NAME", "bench").replace("TRIALS", str(trials)))
    document = read(path)
    clock = Clock()
    run_sweep.run(
        check(document),
        document,
        run_sweep.Backends(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}"),
        on_start=lambda running: [clock],
        run_trial=resting_trial,
    )
    return clock.ends


def stock(folder: Path, trials: int, *, reuse: bool) -> list[float]:
    """Run Ray Tune with OptunaSearch and its MLflow callback, and return the ends of its trials.

    reuse: whether an actor stays for the next trial.
    """
    from ray.tune.search.optuna import optuna_search

    optuna_search.logger.setLevel("ERROR")
    import optuna

    clock = Clock()
    space = {
        "weight": optuna.distributions.FloatDistribution(1, 100, log=True),
        "kl": optuna.distributions.FloatDistribution(0.01, 1, log=True),
        "lr": optuna.distributions.FloatDistribution(1e-4, 1e-2, log=True),
    }
    search = OptunaSearch(space=space, metric=GOALS, mode=["min", "min"], seed=0)
    tune.Tuner(
        RestingTrainable,
        tune_config=tune.TuneConfig(
            search_alg=ConcurrencyLimiter(search, AT_ONCE),
            num_samples=trials,
            reuse_actors=reuse,
            trial_dirname_creator=lambda trial: trial.trial_id,
        ),
        run_config=tune.RunConfig(
            name="stock",
            storage_path=str(folder),
            verbose=0,
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            callbacks=[
                MLflowLoggerCallback(f"sqlite:///{folder / 'mlflow.db'}", experiment_name="stock"),
                clock,
            ],
        ),
    ).fit()
    return clock.ends


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trials", type=int, default=40, help="a run with re-used actors")
    parser.add_argument("--fresh-trials", type=int, default=8, help="a run with fresh ones")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    start_ray(AT_ONCE)
    few, many = options.fresh_trials, options.trials
    contenders = {
        "equipoise, warm workers": lambda folder: (many, ours(folder, many)),
        "Ray Tune, actors re-used": lambda folder: (many, stock(folder, many, reuse=True)),
        "Ray Tune, fresh actors": lambda folder: (few, stock(folder, few, reuse=False)),
    }
    paces: dict[str, list[float]] = {name: [] for name in contenders}
    walls: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(options.rounds):
        for name, contender in contenders.items():
            with tempfile.TemporaryDirectory() as folder:
                began = time.perf_counter()
                trials, ends = contender(Path(folder))
                assert len(ends) == trials, f"{name}: {len(ends)} of {trials} trials completed"
                paces[name].append((ends[-1] - ends[0]) / (trials - 1))
                walls[name].append((time.perf_counter() - began) / trials)
    ray.shutdown()
    ours_pace = median(paces["equipoise, warm workers"])
    table = Table(title=f"orchestration of a trial that does nothing, {platform.machine()}, 2 CPUs")
    for heading in ("", "s/trial", "all in", "ratio", "load"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name in contenders:
        pace, wall = median(paces[name]), median(walls[name])
        load = f"{os.getloadavg()[0]:.1f}"
        table.add_row(name, f"{pace:.3f}", f"{wall:.3f}", f"{pace / ours_pace:.2f}", load)
    Console(width=80).print(table)
    if options.json:
        options.json.write_text(json.dumps({"pace_s": paces, "wall_s": walls}, indent=1))


if __name__ == "__main__":
    main()
