"""A killed sweep of trials that do nothing, which is put back and tampered with for each case.

    python -m tests.faults.killed_sweep FOLDER

runs its driver, which the process that makes the stage kills half way.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import optuna

from sweep.config.check import load
from sweep.driver import run_sweep
from sweep.search.study import open_study
from sweep.tracking.artifacts import _repository
from sweep.tracking.entries.kinds import Closed
from sweep.tracking.journal.entries import entries_of
from sweep.tracking.store import addresses
from tests.benchmarks.orchestration import METRICS, SPEC
from tests.local_ray import start_ray
from trainables.config import TrialConfig
from trainables.report import Report

NAME, NUM_TRIALS, NUM_BEFORE, NUM_OLDER = "noop", 12, 6, 3
FILES = {
    "search": f"{NAME}/search.journal",
    "record": f"{NAME}/record/journal.jsonl",
    "mark": f"{NAME}/record/delivered",
    "written": f"{NAME}/record/written",
    "refused": f"{NAME}/record/refused.jsonl",
    "search's mark": f"{NAME}/search.journal.written",
    "start": f"{NAME}/started_in",
    "store": "mlflow.db",
}
REFUSED = {"entry": {"do": "tag", "trial": 0, "tags": {}}, "reason": "400 Bad Request"}
WAYS = (
    "cut",
    "cut",
    "flip",
    "flip",
    "flip",
    "lines",
    "lines",
    "random",
    "empty",
    "delete",
    "older",
)
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
    ended: the rates of the trials whose ends the search knows, by their numbers.
    recorded: the numbers of those whose ends the record knows too: it is told after the search.
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
        self.ended = self._rates_of_ended()
        self.recorded = self._recorded()

    def _run_and_kill(self, folder: Path) -> None:
        """Start the driver as a process of its own, copy the files early, kill it later."""
        words = [sys.executable, "-m", "tests.faults.killed_sweep", str(folder)]
        with subprocess.Popen(words, start_new_session=True, stdout=subprocess.DEVNULL) as driver:
            while self.num_ended() < NUM_OLDER:
                assert driver.poll() is None, "the driver has ended"
                time.sleep(0.02)
            for file in FILES.values():
                to = self._older / file
                to.parent.mkdir(parents=True, exist_ok=True)
                if not (self.home / file).exists():
                    continue
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

    def _rates_of_ended(self) -> dict[int, float]:
        """Return the rates of the trials that had ended as the driver was killed, by their numbers."""
        self.put_back()
        study = self.study()
        states = (optuna.trial.TrialState.COMPLETE,)
        (name,) = {n for t in study.get_trials() for n in t.params if n.endswith("lr")}
        return {trial.number: trial.params[name] for trial in study.get_trials(states=states)}

    def _recorded(self) -> set[int]:
        """Return the numbers of the trials whose ends the record's journal knows."""
        entries = entries_of(self.home / NAME / "record")
        return {entry.trial for entry in entries if isinstance(entry, Closed)}

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
        if not path.exists():
            path.write_text(json.dumps(REFUSED) + "\n")
        content = path.read_bytes()
        how = draw.choice(WAYS)
        match how:
            case "lines":
                lines = content.splitlines(keepends=True)
                one, other = (draw.randrange(len(lines)) for _ in range(2))
                how = draw.choice(["drop", "double", "swap"])
                if how == "drop":
                    del lines[one]
                elif how == "double":
                    lines.insert(other, lines[one])
                else:
                    lines[one], lines[other] = lines[other], lines[one]
                path.write_bytes(b"".join(lines))
                how = f"{how} lines {one}, {other} of {len(lines)}"
            case "random":
                path.write_bytes(draw.randbytes(draw.randint(1, 300)))
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
            case "older" if (self._older / FILES[which]).exists():
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


def with_one_worker() -> None:
    """Start a cluster of Ray in this process that runs one trial at a time."""
    os.environ |= {"TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1", "RAY_AIR_NEW_OUTPUT": "0"}
    start_ray(1)


def drive(folder: Path) -> None:
    """Run the sweep of the spec in a folder; each trial writes its rate into counts.txt there."""
    with_one_worker()
    spec, document = load(folder / "spec.yaml")
    run_sweep.run(spec, document, run_trial=partial(counted_trial, folder / "counts.txt"))


if __name__ == "__main__":
    # As it is imported, so that workers find its functions by their names.
    from tests.faults import killed_sweep

    killed_sweep.drive(Path(sys.argv[1]))
