"""What tests of sweeps share: specs, runs of `sweep`, trials that do not train, servers."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from sweep import workspace
from sweep.cli.app import app
from sweep.config.check import check
from tests import servers
from tests.gateway import Gateway, gateway
from tests.local_ray import start_ray
from trainables.schema.yaml_file import read

SPECS = Path(__file__).parents[2] / "sweep" / "specs"

ONE_WORKER = "resources: {at_once: 1}\n"

# A sweep of the smallest trials: two steps each, on the miniature model and data. It has one worker,
# because the start of each costs more than the trials.
TINY = (
    """\
name: tiny
trial:
  model: {path: miniature-llama}
  alignment: {data: miniature, size: 50}
  objective:
    choice:
      - none
      - {name: likelihood_gap, weight: {loguniform: [1, 100]}}
  train: {lr: {loguniform: [1e-4, 1e-2]}, steps: 2, batch_size: 4}
  evaluators:
    - {name: stereoset, data: miniature, limit: 40}
    - {name: perplexity, data: miniature, limit: 20}
goals: [bias/miniature/gap, forgetting/general/nll_rise]
search: {sampler: random}
budget: {trials: 4}
"""
    + ONE_WORKER
)

# The same as a grid, and its points in order: each of three objectives with each of two rates.
GRID = (
    TINY.replace("loguniform: [1, 100]", "choice: [1, 100]")
    .replace("loguniform: [1e-4, 1e-2]", "choice: [1e-4, 1e-2]")
    .replace("sampler: random", "sampler: grid")
    .replace("budget: {trials: 4}\n", "")
)
POINTS = [
    {"objective": "none", "train.lr": 1e-4},
    {"objective": "none", "train.lr": 1e-2},
    {"objective": "likelihood_gap", "objective.likelihood_gap.weight": 1, "train.lr": 1e-4},
    {"objective": "likelihood_gap", "objective.likelihood_gap.weight": 1, "train.lr": 1e-2},
    {"objective": "likelihood_gap", "objective.likelihood_gap.weight": 100, "train.lr": 1e-4},
    {"objective": "likelihood_gap", "objective.likelihood_gap.weight": 100, "train.lr": 1e-2},
]


@pytest.fixture
def tiny(tmp_path) -> Path:
    """The path of a file with the spec TINY."""
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory) -> Path:
    """An SQLite file with MLflow's tables and no sweep. To make one takes a second; to copy it, none."""
    from sweep.tracking.store import preparing

    file = tmp_path_factory.mktemp("store") / "mlflow.db"
    preparing.prepare_store(f"sqlite:///{file}")
    return file


@pytest.fixture
def sweep_home(tmp_path, monkeypatch, empty_store) -> Path:
    """A SWEEP_HOME without sweeps, whose record is its own SQLite file."""
    monkeypatch.setenv("SWEEP_HOME", str(tmp_path / "sweeps"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "sweeps").mkdir()
    shutil.copy(empty_store, tmp_path / "sweeps")
    return tmp_path / "sweeps"


def sweep(
    *words: object, timeout: float = 240, given: str | None = None, **environment: str
) -> subprocess.CompletedProcess:
    """Run `sweep WORDS…` in a process of its own and return how it ended.

    timeout: seconds.
    given: its standard input.
    environment: variables beside those of this process.
    """
    return subprocess.run(
        [sys.executable, "-m", "sweep", *map(str, words)],
        capture_output=True,
        text=True,
        input=given,
        timeout=timeout,
        env=os.environ | environment,
        check=False,
    )


def browser_of(folder: Path) -> tuple[dict[str, str], Path]:
    """Return the environment of a desktop, and the file into which its browser writes what it opens."""
    opened, script = folder / "opened", folder / "browser.sh"
    script.write_text(f'#!/bin/sh\necho "$1" >> "{opened}"\n')
    script.chmod(0o755)
    return {"DISPLAY": ":0", "BROWSER": f"{script} %s"}, opened


def verb(*words: object, **environment: str) -> Result:
    """Run `sweep WORDS…` within this process and return its result.

    It takes a quarter of the time of `sweep`, and is for verbs that only read.
    """
    result = CliRunner().invoke(app, [*map(str, words)], env=environment)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def spec_of(tmp_path, sweep_home):
    """A function that returns a spec and its document: spec_of(trials, text, **replacements).

    trials: number of trials, in place of 4.
    text: the YAML to change.
    replacements: new text by old text.
    """

    def spec_of(trials, text=TINY, **replacements):
        text = text.replace("trials: 4", f"trials: {trials}").replace(ONE_WORKER, "")
        for old, new in replacements.items():
            text = text.replace(old, new)
        path = tmp_path / "spec.yaml"
        path.write_text(text)
        document = read(path)
        return check(document), document

    return spec_of


def pretending(faulty=(), failure="raise"):
    """Return a function to run in place of run_trial: three reports, without any training.

    All metrics of a trial are its learning rate. A trial fails at its second report if the learning
    rate in millionths, modulo 7, is in `faulty`.

    failure: `raise` an exception, `die` with the process, or report `nan`.
    """

    def run_trial(config, *, resume_from=None):
        import os

        from trainables.report import Report

        names = [metric.name for metric in config.metrics()]
        must_fail = round(config.train.lr * 1e6) % 7 in faulty
        for step in range(3):
            value = config.train.lr
            if must_fail and step == 1:
                if failure == "raise":
                    raise RuntimeError("out of something")
                if failure == "die":
                    os._exit(3)
                value = float("nan")
            yield Report(step, step / 2, dict.fromkeys(names, value), print, print)

    return run_trial


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """A Ray cluster of two CPUs that this process has joined."""
    import ray

    start_ray(2)
    yield
    ray.shutdown()


def states(spec) -> tuple[Counter, Counter, list]:
    """Return the states of a sweep's trials in Optuna and in MLflow, counted, and why trials failed."""
    from sweep.search.study import open_study
    from sweep.tracking.sweeps import find_sweep

    record = find_sweep(workspace.local_tracking_uri(), spec.name)
    runs = record.trial_runs()
    study = open_study(workspace.folder(spec.name) / "search.journal", spec)
    return (
        Counter(trial.state.name for trial in study.trials),
        Counter(run.info.status for run in runs),
        [run.data.tags["reason"] for run in runs if run.data.tags.get("reason")],
    )


def record(home: Path, name: str) -> tuple[dict, list]:
    """Return the run of a sweep and the runs of its trials from the SQLite file in a SWEEP_HOME."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{home / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(name)
    runs = client.search_runs([experiment.experiment_id], max_results=1000)
    (parent,) = [run for run in runs if run.data.tags["sweep.role"] == "sweep"]
    return parent, [run for run in runs if run.data.tags["sweep.role"] == "trial"]


def optuna_states(home: Path, name: str) -> Counter:
    """Return the states of the trials in the Optuna journal of a sweep, counted."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend
    from optuna.study import load_study

    storage = JournalStorage(JournalFileBackend(str(home / name / "search.journal")))
    trials = load_study(study_name=name, storage=storage).get_trials()
    return Counter(trial.state.name for trial in trials)


@pytest.fixture(scope="session")
def finished(tmp_path_factory, request) -> Path:
    """A folder with tiny.yaml, and its finished sweep under sweeps/; no test may change it.

    Processes that test side by side share one: the first of them to ask makes it.
    """
    of_session = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):
        of_session = of_session.parent
    folder = of_session / "finished"
    with (of_session / "finished.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "output.txt").exists():
            folder.mkdir(exist_ok=True)
            (folder / "tiny.yaml").write_text(TINY.replace(ONE_WORKER, ""))
            process = sweep("run", folder / "tiny.yaml", SWEEP_HOME=str(folder / "sweeps"))
            assert process.returncode == 0, process.stdout + process.stderr
            (folder / "output.txt").write_text(process.stdout)
    return folder


@pytest.fixture(scope="session")
def s3() -> Iterator[dict[str, str]]:
    """Environment variables for clients of an S3 server that has a bucket `kept`."""
    with servers.s3() as environment:
        yield environment


@pytest.fixture(scope="session")
def behind(tmp_path_factory) -> Iterator[Gateway]:
    """A gateway that forwards everything to a real tracking server, until a test gives it a rule."""
    folder = tmp_path_factory.mktemp("behind")
    store = f"sqlite:///{folder}/mlflow.db"
    with (
        servers.mlflow_server(store, str(folder / "artifacts"), folder) as upstream,
        gateway(lambda _: None, upstream) as server,
    ):
        yield server
