"""Sweeps whose files are cut, changed, deleted or replaced by older copies, and then go on.

    python -m tests.faults.tampering FOLDER --cases 200 --seed 0

A sweep of trials that do nothing is killed half way. For each case its folder is put back, one of its
files is tampered with, and `resume` and `sync` are run in this process, on one cluster of Ray.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import optuna

from analysis.record.names import Series, Tag, TrialState
from sweep.config.check import load
from sweep.driver import run_sweep
from sweep.driver.running_sweep import CannotRun, Stopped
from sweep.driver.sync import sync
from sweep.search.study import open_study
from sweep.tracking import sweeps
from sweep.tracking.artifacts import _repository
from sweep.tracking.store import addresses
from sweep.tracking.whole_file import DamagedFile
from tests.benchmarks.orchestration import GOALS, METRICS, SPEC
from trainables.config import TrialConfig
from trainables.report import Report

NAME, NUM_TRIALS, NUM_BEFORE, NUM_OLDER = "noop", 12, 6, 3
FILES = {
    "search": f"{NAME}/search.journal",
    "record": f"{NAME}/record/journal.jsonl",
    "mark": f"{NAME}/record/delivered",
    "store": "mlflow.db",
}
REFUSALS = (CannotRun, addresses.BadAddress, DamagedFile, sweeps.SweepExists, Stopped)
PAUSE_S = 0.3  # of a trial, so that the kill comes in time


def counted_trial(
    counts: Path, config: TrialConfig, *, resume_from: Path | None = None
) -> Iterator[Report]:
    """Yield three reports in place of run_trial; write the rate of the trial before the last one."""
    for step in range(3):
        time.sleep(PAUSE_S / 3)
        if step == 2:
            with counts.open("a") as file:
                file.write(f"{config.train.lr!r}\n")
        values = dict.fromkeys(METRICS, 100 * config.train.lr + 2 - step)
        yield Report(step, step / 2, values, print, print, save_items=write_items)


def write_items(file: Path) -> None:
    """Write something in place of the items of a report."""
    file.write_bytes(b"items")


class Stage:
    """A folder with a killed sweep, which is put back for each case.

    home: the $SWEEP_HOME of the sweep that goes on.
    """

    def __init__(self, folder: Path, *, is_behind: bool = False) -> None:
        """Run the sweep until half of its trials have ended, and kill its driver.

        is_behind: whether MLflow has a quarter of the trials alone, as its store was locked since.
        """
        self._is_behind = is_behind
        self.home, self._kept = folder / "home", folder / "kept"
        self._older, self.counts = folder / "older", folder / "counts.txt"
        os.environ["SWEEP_HOME"] = str(self.home)
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        if not self._kept.exists():
            self.home.mkdir(parents=True)
            text = SPEC.replace("NAME", NAME).replace("TRIALS", str(NUM_TRIALS))
            more = "search: {sampler: random}\nresources: {at_once: 1}\n"
            (folder / "spec.yaml").write_text(text + more)
            self._run_and_kill(folder)
            shutil.move(self.home, self._kept)
        self.ended_rates = self._ended_rates()

    def _run_and_kill(self, folder: Path) -> None:
        """Start the driver as a process of its own, copy the files early, kill it later."""
        words = [sys.executable, "-m", "tests.faults.tampering", str(folder), "--drive"]
        with subprocess.Popen(words, start_new_session=True, stdout=subprocess.DEVNULL) as driver:
            while self.num_ended() < NUM_OLDER:
                assert driver.poll() is None, "the driver has ended"
                time.sleep(0.02)
            for file in FILES.values():
                to = self._older / file
                to.parent.mkdir(parents=True, exist_ok=True)
                if file.endswith(".db"):
                    with closing(sqlite3.connect(self.home / file)) as one:
                        one.execute(f"VACUUM INTO '{to}'")
                else:
                    shutil.copy(self.home / file, to)
            with closing(sqlite3.connect(self.home / FILES["store"], timeout=60)) as store:
                if self._is_behind:
                    store.execute("BEGIN IMMEDIATE")
                while self.num_ended() < NUM_BEFORE:
                    assert driver.poll() is None, "the driver has ended"
                    time.sleep(0.01)
                os.killpg(driver.pid, signal.SIGKILL)
        time.sleep(3)  # its workers end

    def num_ended(self) -> int:
        """Return how many trials have reported for the last time."""
        return len(self.counts.read_text().splitlines()) if self.counts.exists() else 0

    def _ended_rates(self) -> set[float]:
        """Return the rates of the trials that had ended as the driver was killed."""
        self.put_back()
        study = self.study()
        states = (optuna.trial.TrialState.COMPLETE,)
        (name,) = {n for t in study.get_trials() for n in t.params if n.endswith("lr")}
        return {trial.params[name] for trial in study.get_trials(states=states)}

    def study(self) -> optuna.Study:
        """Return the study as it lies in the folder."""
        spec, _ = load(self.home / NAME / "sweep.yaml")
        return open_study(self.home / FILES["search"], spec)

    def put_back(self) -> None:
        """Put the folder of the killed sweep back."""
        forget_store()
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.copytree(self._kept, self.home, symlinks=True)

    def tamper(self, draw: random.Random) -> str:
        """Tamper with one of the files; return what was done, in words."""
        which = draw.choice([*FILES])
        path = self.home / FILES[which]
        content = path.read_bytes()
        how = draw.choice(["cut", "cut", "flip", "flip", "flip", "empty", "delete", "older"])
        match how:
            case "cut":
                at = draw.randrange(len(content))
                path.write_bytes(content[:at])
                how = f"cut at {at} of {len(content)}"
            case "flip":
                changed, places = bytearray(content), []
                for _ in range(draw.randint(1, 8)):
                    places.append(draw.randrange(len(content)))
                    changed[places[-1]] ^= draw.randint(1, 255)
                path.write_bytes(changed)
                how = f"flip at {places} of {len(content)}"
            case "empty":
                path.write_bytes(b"")
            case "delete":
                path.unlink()
            case "older":
                shutil.copy(self._older / FILES[which], path)
        return f"{which}: {how}"


def forget_store() -> None:
    """Close all that this process has open of MLflow's store, as another process would find it."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
    from mlflow.tracking._tracking_service.utils import _tracking_store_registry as registry

    for engine in SqlAlchemyStore._engine_map.values():
        engine.dispose()
    SqlAlchemyStore._engine_map.clear()
    registry._get_store_with_resolved_uri.cache_clear()
    addresses.connect.cache_clear()
    _repository.cache_clear()


@dataclass
class Case:
    """What came of a case.

    done: what was done to the files.
    said: all that was said, in its order.
    ends: how `resume` and `sync` ended: done, or the name of the error.
    problems: what is wrong, in words.
    """

    done: str
    said: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


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
    if took > 45:
        case.problems.append(f"took {took:.0f} s")
    rates = stage.counts.read_text().split() if stage.counts.exists() else []
    for rate, times in Counter(map(float, rates)).items():
        if rate in stage.ended_rates or times > 1:
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


def unsaid(stage: Stage, said: str, *, is_refused: bool) -> list[str]:
    """Return the trials that are not in MLflow with all they had, and of which nothing was said.

    is_refused: whether the sweep did not go on, so that trials may be left.
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
        if lacks and (is_complete or not (number in named or is_refused)):
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
    parser.add_argument("--drive", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    folder = options.folder.resolve()
    import ray

    os.environ |= {"TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1", "RAY_AIR_NEW_OUTPUT": "0"}
    ray.init(
        address="local",
        num_cpus=1,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
    )
    if options.drive:
        spec, document = load(folder / "spec.yaml")
        run_sweep.run(spec, document, run_trial=partial(counted_trial, folder / "counts.txt"))
        return
    stage = Stage(folder, is_behind=options.behind)
    with (folder / f"cases-{options.seed}.jsonl").open("a") as file:
        for seed in range(options.seed, options.seed + options.cases):
            case = run_case(stage, seed)
            file.write(json.dumps({"seed": seed} | vars(case)) + "\n")
            file.flush()
            print(seed, case.done, case.ends, case.problems or "sound", flush=True)
    ray.shutdown()


if __name__ == "__main__":
    main()
