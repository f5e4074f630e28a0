"""A sweep that an earlier version recorded, and that was killed: this version reads and resumes it.

assets/before-the-move.tar.xz holds two folders, made by the code of commit
37aa4fa442dffb8881d1f7b909a96cd77c14821f, whose modules had other names and other places:

project/base   a Llama with the miniature's corpus and tokenizer, hidden_size 16, intermediate_size 32
               and 2 heads, pretrained for 20 epochs. Its weights are part of the store because those
               of miniature-llama differ from one kind of CPU to the next, and all metrics with them.
sweeps/        the $SWEEP_HOME of `sweep run before-the-move.yaml`, run in project/. The spec is
               sweeps/before-the-move/sweep.yaml.

Another process locked mlflow.db (BEGIN IMMEDIATE) as soon as it had step 0 of trial 5. Once trial 4
had ended, trial 6 had begun and trial 5 had reported step 8, the driver was stopped (SIGSTOP). Once
trial 5 had written its checkpoint of step 16, the driver and all processes of Ray were killed. So

- trials 0, 1 and 3 are complete (3 beyond the constraint), and trial 2 has failed: it diverges;
- trial 4 is complete in Optuna, but runs in MLflow: its end waits in the outbox, with items.parquet;
- trial 5 has step 0 in MLflow, step 8 in the outbox, and step 16 in its checkpoint alone;
- trial 6 has begun, and has no run yet: that waits in the outbox.

All files were packed but ray/ and the locks; mlflow.db was vacuumed.
assets/before-the-move.json is what that code said of the store a minute later, and how it resumed
it. To write it anew, copy this file and the assets into a checkout of that commit, and run it there.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tarfile
import time
from contextlib import chdir, closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

from sweep.config.check import load
from sweep.config.definitions import definitions
from trainables.metrics.names import plain_name

if TYPE_CHECKING:
    from mlflow.entities import Metric, Run

NAME = "before-the-move"
ASSETS = Path(__file__).parent / "assets"
EXPECTED = ASSETS / f"{NAME}.json"
RECORDED_IN = "/where-it-ran"  # the folder that held project/ and sweeps/
ENDED, INTERRUPTED, BEGUN = ["0", "1", "2", "3", "4"], "5", "6"
STEPS = [0, 8, 16, 24]
CHECKPOINT = f"checkpoints/000{INTERRUPTED}"
CHECKPOINT_STEP = 16
DRAWN_LAST = ("11", "12")  # by what TPE was told of the others
MACHINE = "system/"  # metrics of the machine, not of the model
VERBS = ["ls", f"status {NAME}", f"front {NAME} --all"]
VERBS += [f"compare {NAME} base 3", f"compare {NAME} 1 3@0.5"]

pytestmark = [pytest.mark.long, pytest.mark.slow, pytest.mark.timeout(400)]


def unpack(folder: Path) -> Path:
    """Unpack the store into a folder, with the paths that it has there; return its sweeps/.

    The outbox keeps the old paths, which are in comments only: `delivered` counts bytes of its journal.
    """
    with tarfile.open(ASSETS / f"{NAME}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    home = folder / "sweeps"
    for file in (home / NAME / "started_in", *home.rglob("trial.yaml")):
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace(RECORDED_IN, str(folder)), encoding="utf-8")
    with closing(sqlite3.connect(home / "mlflow.db")) as database, database:
        for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
            update = f"UPDATE {table} SET {column} = replace({column}, ?, ?)"
            database.execute(update, (RECORDED_IN, str(folder)))
    return home


def sweep(home: Path, *words: str, status: int = 0) -> str:
    """Run `sweep WORDS…` in a process of its own; return what it prints.

    status: the exit status with which it must end.
    """
    elsewhere = ("MLFLOW_TRACKING_URI", "OPTUNA_STORAGE", "RAY_ADDRESS")
    environment = {key: value for key, value in os.environ.items() if key not in elsewhere}
    environment |= {"SWEEP_HOME": str(home), "PYTHONPATH": os.getcwd()}  # of workers in project/
    ended = subprocess.run(
        [sys.executable, "-m", "sweep", *words],
        capture_output=True,
        text=True,
        timeout=240,
        env=environment,
        check=False,
    )
    assert ended.returncode == status, ended.stdout + ended.stderr
    return ended.stdout if status == 0 else ended.stderr


def answer(home: Path, verb: str) -> Any:
    """The JSON that `sweep VERB` prints."""
    return json.loads(sweep(home, *verb.split(), "--format", "json"))


def trials_in(folder: Path, unpacked: Path) -> dict[str, str]:
    """Name and text of each trial's YAML in a folder, with the paths of where the store was made."""
    return {
        file.name: file.read_text(encoding="utf-8").replace(str(unpacked), RECORDED_IN)
        for file in sorted(folder.glob("*.yaml"))
    }


def resume(home: Path) -> None:
    """Resume the sweep to its end, after two changes that a user may make to its spec.

    One trial at a time: then what is drawn depends on the store alone. And one trial more: TPE draws at
    random until ten are complete, so the last two alone depend on what it was told of the others.
    """
    spec = home / NAME / "sweep.yaml"
    text = spec.read_text(encoding="utf-8")
    text = text.replace("at_once: 2", "at_once: 1").replace("trials: 12", "trials: 13")
    spec.write_text(text, encoding="utf-8")
    sweep(home, "resume", NAME)


def pretend_the_same_measurements(home: Path) -> None:
    """Write into the store that the sweep began with the evaluators of this version.

    So that it can be resumed: the first version recorded none, and measured forgetting otherwise.
    """
    with chdir(home.parent / "project"):  # where its model is
        tags = definitions(load(home / NAME / "sweep.yaml")[0])
    with closing(sqlite3.connect(home / "mlflow.db")) as database, database:
        own = "SELECT run_uuid FROM tags WHERE key = 'sweep.role' AND value = 'sweep'"
        ((run_id,),) = database.execute(own).fetchall()
        rows = [(name, value, run_id) for name, value in tags.items()]
        database.executemany("INSERT INTO tags (key, value, run_uuid) VALUES (?, ?, ?)", rows)


@dataclass
class Recorded:
    """A run with its artifacts, and the values of each of its metrics in the order of their steps."""

    run: Run
    artifacts: dict[str, bool]  # its path -> whether it is a folder
    history: dict[str, list[Metric]]

    @property
    def steps(self) -> list[int]:
        """The steps of its reports."""
        return [entry.step for entry in self.history["progress"]]


def recorded(home: Path) -> dict[str, Recorded]:
    """Number of a trial -> its run; `sweep` -> the sweep's own."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{home / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(NAME)
    runs = {}
    for run in client.search_runs([experiment.experiment_id]):
        number = run.data.tags.get("sweep.trial", "sweep")
        assert number not in runs, f"{number} has two runs"
        run_id = run.info.run_id
        history = {name: client.get_metric_history(run_id, name) for name in run.data.metrics}
        for entries in history.values():
            entries.sort(key=lambda entry: entry.step)
        artifacts = {file.path: file.is_dir for file in client.list_artifacts(run_id)}
        runs[number] = Recorded(run, artifacts, history)
    return dict(sorted(runs.items()))


def outcome(home: Path, runs: dict[str, Recorded]) -> dict[str, Any]:
    """What is to be the same whoever resumes the sweep: all but times, run ids and the machine."""
    metrics: dict[str, dict[str, list[Any]]] = {}
    for number, each in runs.items():
        for name, entries in sorted(each.history.items()):
            if not name.startswith(MACHINE):
                values = [[entry.step, entry.value] for entry in entries]
                metrics.setdefault(name, {})[number] = values
    return {
        "runs": list(runs),
        "states": {number: each.run.data.tags["sweep.state"] for number, each in runs.items()},
        "artifacts": {number: each.artifacts for number, each in runs.items()},
        "params": {
            number: {name: number_in(text) for name, text in sorted(each.run.data.params.items())}
            for number, each in runs.items()
        },
        "metrics": metrics,
        "front": [member | {"run_id": ""} for member in answer(home, f"front {NAME}")],
    }


def number_in(text: str) -> float | str:
    """The number that a parameter is, or its text if it is none."""
    try:
        return float(text)
    except ValueError:
        return text


def assert_same(actual: Any, expected: Any, place: str = "") -> None:
    """The same lists and texts, and numbers that differ by rounding at most; new keys are allowed."""
    if isinstance(expected, dict):
        assert expected.keys() <= actual.keys(), place
        for key, value in expected.items():
            assert_same(actual[key], value, f"{place} {key}")
    elif isinstance(expected, list):
        assert len(actual) == len(expected), place
        for index, value in enumerate(expected):
            assert_same(actual[index], value, f"{place} {index}")
    elif isinstance(expected, float):
        assert actual == pytest.approx(expected, rel=1e-4, abs=1e-4), place
    else:
        assert actual == expected, place


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    return json.loads(EXPECTED.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def left(tmp_path_factory) -> Path:
    """The store as it was left."""
    return unpack(tmp_path_factory.mktemp("left"))


def by_name(members: list[dict[str, Any]]) -> dict[tuple[Any, Any], Any]:
    """Members of a front, or candidates, by trial and α; the base model was none of them then."""
    return {(m["trial"], m["alpha"]): m for m in members if m["trial"] is not None}


def without_progress(members: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Members without `progress`, which was among the metrics of a model then."""
    return [
        member | {"metrics": {n: v for n, v in member["metrics"].items() if n != "progress"}}
        for member in members
    ]


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_says_of_the_store_what_it_said_then(left, expected, verb):
    said, then = answer(left, verb), expected["verbs"][verb]
    if verb.startswith("front"):  # it had no candidate beyond a constraint then
        found, known = by_name(said), by_name(then)
        assert {key for key, row in found.items() if row["feasible"]} == known.keys()
        said, then = [found[key] for key in known], without_progress([*known.values()])
    if verb.startswith(
        "compare"
    ):  # since then goals come first, and errors are those of few clusters
        said, then = (sorted(rows, key=lambda row: row["metric"]) for rows in (said, then))
        then = [{name: v for name, v in row.items() if name not in ("se", "p")} for row in then]
    if verb == "ls":  # it counted the trials of a driver that has died as running then
        assert said[0]["state"] == "interrupted"
        then = [row | {"running": 0} for row in then]
    assert_same(said, then)


def test_the_front_is_drawn_and_taken_home(left, expected, tmp_path):
    """What the base model dominates was on the front then, and marked."""
    members = answer(left, f"front {NAME} --out-dir {tmp_path}")
    known = without_progress([m for m in expected["front"] if not m["loses_to_base"]])
    assert members[0]["name"] == "base"
    assert_same(members[1:], known)
    assert json.loads((tmp_path / "front.json").read_text(encoding="utf-8")) == members
    of_front = {f"{NAME}-{m['trial']:04}-alpha{m['alpha']:g}.yaml" for m in known}
    texts = expected["trials of the front"]
    assert trials_in(tmp_path, left.parent) == {n: t for n, t in texts.items() if n in of_front}
    assert (tmp_path / "front.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "front.html").read_text(encoding="utf-8")


@dataclass
class Resumed:
    """The store before and after it is resumed."""

    home: Path
    before: dict[str, Recorded]
    after: dict[str, Recorded]
    began: int  # milliseconds since 1970, as MLflow counts
    checkpoint: dict[str, float]  # the metrics that the interrupted trial reported with it


@pytest.fixture(scope="module")
def resumed(tmp_path_factory) -> Resumed:
    home = unpack(tmp_path_factory.mktemp("resumed"))
    (result,) = (home / NAME / CHECKPOINT).glob("*/result.json")
    checkpoint = json.loads(result.read_text(encoding="utf-8"))["record"]
    before, began = recorded(home), time.time_ns() // 1_000_000
    pretend_the_same_measurements(home)
    resume(home)
    return Resumed(home, before, recorded(home), began, checkpoint)


def test_a_sweep_is_not_resumed_by_a_version_that_measures_otherwise(left):
    said = " ".join(sweep(left, "resume", NAME, status=2).split())
    assert "it began with version 1 of perplexity, and this release has 2" in said
    assert answer(left, "ls")[0]["state"] == "interrupted"


def still_alike(told: dict[str, Any]) -> dict[str, Any]:
    """Those parts of an outcome that a later version must give, too.

    Since then general text is measured in passages, and errors are those of few clusters. So what TPE
    was told differs, and with it the last two trials and the front. Selectivity compares stereotypes
    with general text.
    """
    changed = ("forgetting/general/", "forgetting/selective/selectivity_rise", "front/")
    alike = {
        name: {number: values for number, values in runs.items() if number not in DRAWN_LAST}
        for name, runs in told["metrics"].items()
        if not plain_name(name).startswith(changed) and not name.startswith("se/")
    }
    params = {n: params for n, params in told["params"].items() if n not in DRAWN_LAST}
    unchanged = {key: told[key] for key in ("runs", "states", "artifacts")}
    return unchanged | {"params": params, "metrics": alike}


def test_it_ends_as_it_ended_then(resumed, expected):
    now, then = (
        still_alike(o) for o in (outcome(resumed.home, resumed.after), expected["resumed"])
    )
    assert len(then["metrics"]) > 10
    assert_same(now, then)


def test_what_had_ended_is_not_run_again(resumed):
    for number in ENDED:
        before, after = resumed.before[number].run, resumed.after[number]
        assert after.run.info.run_id == before.info.run_id
        assert after.run.info.end_time < resumed.began
        for name, entries in after.history.items():
            assert all(entry.timestamp < resumed.began for entry in entries), (number, name)
            assert len({entry.step for entry in entries}) == len(entries), (number, name)


def test_what_was_interrupted_goes_on_from_its_checkpoint_in_its_own_run(resumed):
    before, after = resumed.before[INTERRUPTED], resumed.after[INTERRUPTED]
    assert after.run.info.run_id == before.run.info.run_id
    assert (before.steps, after.steps) == ([0], STEPS)
    entries = after.history["progress"]
    assert [entry.step for entry in entries if entry.timestamp < resumed.began] == [0, 8]
    # The report of this step is in the checkpoint alone, with how busy the machine was then.
    report = {
        name: entry.value
        for name, entries in after.history.items()
        for entry in entries
        if entry.step == CHECKPOINT_STEP
    }
    assert report == resumed.checkpoint
    assert not (resumed.home / NAME / CHECKPOINT).exists()


def test_what_had_begun_without_a_run_has_one_run_from_its_start(resumed):
    assert BEGUN not in resumed.before
    assert resumed.after[BEGUN].steps == STEPS


def main() -> None:
    """Write what the code in the current folder says of the store, and how it resumes it."""
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        home = unpack(folder)
        verbs = {verb: answer(home, verb) for verb in VERBS}
        front = answer(home, f"front {NAME} --out-dir {folder / 'front'}")
        trials = trials_in(folder / "front", folder)
        resume(home)
        after = outcome(home, recorded(home))
    told = {"verbs": verbs, "front": front, "trials of the front": trials, "resumed": after}
    rounded = json.loads(json.dumps(told), parse_float=lambda text: float(f"{float(text):.6g}"))
    text = json.dumps(rounded, ensure_ascii=False, separators=(",", ":"))
    EXPECTED.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
