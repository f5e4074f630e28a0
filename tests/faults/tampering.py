"""Sweeps whose files are cut, changed, deleted or replaced by older copies, and then go on.

    python -m tests.faults.tampering FOLDER --cases 200 --seed 0

A sweep of trials that do nothing is killed half way (killed_sweep.py). For each case its folder is put
back, one of its files is tampered with, and `resume` and `sync` are run in this process, on one cluster
of Ray.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import re
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import ray

from analysis.record.names import Series, Tag, TrialState
from sweep.config.check import load
from sweep.driver import run_sweep
from sweep.driver.running_sweep import CannotRun, Stopped
from sweep.driver.sync import sync
from sweep.search.mending import lost_sentence
from sweep.tracking import sweeps
from sweep.tracking.store import addresses
from sweep.tracking.whole_file import DamagedFile
from tests.benchmarks.orchestration import GOALS
from tests.faults.killed_sweep import (
    NAME,
    NUM_TRIALS,
    Stage,
    counted_trial,
    forget_store,
    with_one_worker,
)

HANGS_S = 240  # a case takes some 7 s; its processes start many times slower beside other work
REFUSALS = (CannotRun, addresses.BadAddress, DamagedFile, sweeps.SweepExists, Stopped, OSError)


@dataclass
class Case:
    """What came of a case.

    done: what was done to the files.
    said: all that was said, in its order.
    ends: how `resume` and `sync` ended: done, or the name of the error.
    problems: what is wrong, in words.
    took: how many seconds it took.
    """

    done: str
    said: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    took: float = 0.0


class Said(logging.Handler):
    """Keeps the warnings of our packages."""

    def __init__(self, said: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith(("sweep", "analysis")):
            self._said.append(record.getMessage())


def run_case(stage: Stage, seed: int) -> Case:
    """Tamper with the killed sweep, resume and sync it, and return what came of it."""
    stage.put_back()
    stage.counts.unlink(missing_ok=True)
    case = Case(stage.tamper(random.Random(seed)))
    handler = Said(case.said)
    logging.getLogger().addHandler(handler)
    began = time.monotonic()
    try:
        _attempt(case, partial(resume, stage))
        forget_store()
        _attempt(case, partial(deliver, case))
    finally:
        logging.getLogger().removeHandler(handler)
    took = time.monotonic() - began
    if took > HANGS_S:
        case.problems.append(f"took {took:.0f} s")
    case.took = round(took, 1)
    # The search is told of an end before the record: of one that it alone knows, its loss takes all.
    is_search = case.done.startswith("search")
    ended = {n: rate for n, rate in stage.ended.items() if n in stage.recorded or not is_search}
    rates = stage.counts.read_text().split() if stage.counts.exists() else []
    for rate, times in Counter(map(float, rates)).items():
        if rate in ended.values() or times > 1:
            case.problems.append(f"a trial ran again: rate {rate}")
    if "done" in case.ends:
        case.problems += unsaid(stage, "\n".join(case.said), is_refused=case.ends[0] != "done")
    return case


def _attempt(case: Case, verb: Callable[[], None]) -> None:
    """Run a verb and note how it ended."""
    try:
        verb()
        case.ends.append("done")
    except REFUSALS as error:
        case.said.append(str(error))
        case.ends.append(type(error).__name__)
        if "\n" in str(error) or len(str(error)) > 1000:
            case.problems.append("more than a sentence")
    except Exception as error:
        case.ends.append(type(error).__name__)
        case.problems.append("traceback: " + traceback.format_exc()[-1500:])


def resume(stage: Stage) -> None:
    """Resume the sweep with trials that are counted."""
    spec, document = load(stage.home / NAME / "sweep.yaml")
    run_sweep.resume(spec, document, run_trial=partial(counted_trial, stage.counts))


def deliver(case: Case) -> None:
    """Run `sync`, and note which files it says are gone."""
    synced = sync(NAME)
    case.said += [f"{name.replace('/', ' has lost ')}" for name in synced.gone]
    if synced.lost:
        case.said.append(lost_sentence(NAME, synced.lost))


def unsaid(stage: Stage, said: str, *, is_refused: bool) -> list[str]:
    """Return the trials that are not in MLflow with all they had, and of which nothing was said.

    is_refused: whether the sweep did not go on, so that trials may be left of whose ends the record
        was not told.
    """
    record = sweeps.find_sweep(f"sqlite:///{stage.home / 'mlflow.db'}", NAME)
    if record is None:
        return ["MLflow has no sweep"]
    named = {
        int(number)
        for words in re.findall(r"\btrials? ((?:\d+|, | and )+)", said)
        for number in re.findall(r"\d+", words)
    }
    problems = []
    runs: dict[int, list] = {}
    for run in record.trial_runs():
        runs.setdefault(int(run.data.tags[Tag.TRIAL]), []).append(run)
    for number in range(NUM_TRIALS):
        own = runs.get(number, [])
        if len(own) > 1:
            problems.append(f"trial {number} has {len(own)} runs")
        lacks = lacking(record, own[0]) if own else "its run"
        is_complete = bool(own) and own[0].data.tags.get(Tag.STATE) == TrialState.COMPLETE
        if lacks == "its files" and number in named:  # they went with the store
            continue
        may_be_left = is_refused and number not in stage.recorded
        if lacks and (is_complete or not (number in named or may_be_left)):
            problems.append(f"trial {number} lacks {lacks}{' but is complete' * is_complete}")
    return problems


def lacking(record: sweeps.Record, run) -> str:
    """Return what a run lacks of what a complete one has; empty if nothing."""
    if run.data.tags.get(Tag.STATE) != TrialState.COMPLETE:
        return f"its end ({run.data.tags.get(Tag.STATE)}, {run.info.status})"
    if run.data.metrics.get(Series.PROGRESS) != 1 or not {*GOALS} <= run.data.metrics.keys():
        return "its last report"
    if abs(run.data.metrics[GOALS[0]] - 100 * float(run.data.params.get("train.lr", 0))) > 1e-9:
        return "its right values"
    files = {entry.path for entry in record._client.list_artifacts(run.info.run_id)}
    return "" if {"items.parquet", "trial.yaml"} <= files else "its files"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--behind", action="store_true", help="MLflow lacks a half of the record")
    options = parser.parse_args()
    folder = options.folder.resolve()
    with_one_worker()
    stage = Stage(folder, is_behind=options.behind)
    with (folder / f"cases-{options.seed}.jsonl").open("a") as file:
        for seed in range(options.seed, options.seed + options.cases):
            case = run_case(stage, seed)
            file.write(json.dumps({"seed": seed} | vars(case)) + "\n")
            file.flush()
            print(seed, case.done, case.ends, case.took, case.problems or "sound", flush=True)
    ray.shutdown()


if __name__ == "__main__":
    main()
