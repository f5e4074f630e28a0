"""Milliseconds until a search has drawn its next trial, by the number of trials that have ended.

    python -m tests.benchmarks.asking --ended 100 1000 10000

The driver does nothing else meanwhile: with n slots and trials of t seconds it has t / n for each.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from pathlib import Path
from statistics import median

import optuna
from optuna.trial import TrialState
from rich.console import Console
from rich.table import Table

from sweep.config.check import load
from sweep.config.spec import SweepSpec
from sweep.search.searcher import ParetoSearch
from sweep.search.study import open_study
from sweep.space import draw
from tests.benchmarks.orchestration import SPEC

SAMPLERS = ("random", "tpe", "nsga2")
ASKED = 7  # times that each is asked


def times_of(folder: Path, num_ended: list[int]) -> dict[str, list[float]]:
    """Return sampler -> median milliseconds of a suggestion after each of these numbers of trials."""
    text = SPEC.replace("NAME", "bench").replace("TRIALS", str(10 * max(num_ended)))
    specs = {}
    for name in SAMPLERS:
        path = folder / f"{name}.yaml"
        path.write_text(f"{text}search: {{sampler: {name}}}\n")
        specs[name], _ = load(path)
    times = {}
    for name, spec in specs.items():
        study, values = open_study(folder / f"{name}.journal", spec), random.Random(0)
        times[name] = []
        for number in num_ended:
            study.sampler = optuna.samplers.RandomSampler(seed=0)  # a search sets its own
            num_complete = len(study.get_trials(deepcopy=False, states=[TrialState.COMPLETE]))
            for _ in range(number - num_complete):
                trial = study.ask()
                draw.suggest(spec.trial, trial)
                study.tell(trial, [values.random() for _ in spec.goals])
            times[name].append(1000 * median(seconds_of(study, spec)))
    return times


def seconds_of(study: optuna.Study, spec: SweepSpec) -> list[float]:
    """Return the seconds of some suggestions of a search that has these trials."""
    search = ParetoSearch(spec, study, spec.metrics(), lambda outcome: None)
    seconds = []
    for number in range(ASKED):
        began = time.perf_counter()
        search.suggest(str(number))
        seconds.append(time.perf_counter() - began)
        search.on_trial_complete(str(number), error=True)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ended", type=int, nargs="+", default=[100, 1000, 10_000])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        times = times_of(Path(folder), options.ended)
    table = Table(title=f"milliseconds of a suggestion, load {os.getloadavg()[0]:.1f}")
    table.add_column("after so many trials")
    for number in options.ended:
        table.add_column(f"{number:,}", justify="right")
    for name, row in times.items():
        table.add_row(name, *(f"{value:.1f}" for value in row))
    Console(width=80).print(table)


if __name__ == "__main__":
    main()
