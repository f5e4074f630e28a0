"""Sweeps that wait for their turn on a real Ray head on loopback, which is killed and started again."""

import json
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from sweep.queue.folder import Queue
from tests.heads import Head
from tests.servers import mlflow_server
from tests.sweep.conftest import ONE_WORKER, TINY, optuna_states, record, sweep

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

NUM_TRIALS = 3
PATIENCE_S = 400


class Cluster:
    """A head with MLflow, the server of its queue, and a laptop: a folder and two addresses."""

    def __init__(self, folder: Path) -> None:
        for name in ("head", "laptop"):
            (folder / name).mkdir()
        self.head = Head(folder / "head")
        self.sweeps = Path(self.head.environment["SWEEP_HOME"])
        self.queue = Queue(self.sweeps / ".queue")
        self.folder = folder / "laptop"
        self.sweeps.mkdir()
        store, artifacts = f"sqlite:///{self.sweeps / 'mlflow.db'}", str(folder / "artifacts")
        self._mlflow = ExitStack()
        mlflow = self._mlflow.enter_context(mlflow_server(store, artifacts, folder))
        self.laptop("use", self.head.jobs, "--tracking-uri", mlflow)
        self.server: subprocess.Popen | None = None
        self.log = folder / "server.log"

    def laptop(self, *words: object) -> subprocess.CompletedProcess:
        """Run a verb on the laptop, whose SWEEP_HOME is its own."""
        environment = self.head.environment | {"SWEEP_HOME": str(self.folder / "home")}
        return sweep(*words, **environment)

    def submit(self, name: str, resources: str, *words: object) -> subprocess.CompletedProcess:
        """Submit a small sweep from the laptop's folder."""
        text = TINY.replace("name: tiny", f"name: {name}").replace(ONE_WORKER, resources)
        path = self.folder / f"{name}.yaml"
        path.write_text(text.replace("trials: 4", f"trials: {NUM_TRIALS}"))
        return self.laptop("submit", path, "--yes", *words)

    def serve(self) -> None:
        """Start the server of the queue, on the head."""
        words = [sys.executable, "-m", "sweep", "queue", "serve", "--address", self.head.jobs]
        with self.log.open("a") as log:
            self.server = subprocess.Popen(
                words, env=self.head.environment, stdout=log, stderr=log, start_new_session=True
            )

    def kill_server(self) -> None:
        """Kill the server of the queue."""
        if self.server is not None:
            self.server.kill()
            self.server.wait()

    def close(self) -> None:
        """Kill everything."""
        self.kill_server()
        self.head.kill()
        self._mlflow.close()

    def listed(self) -> list[tuple[str, str]]:
        """(sweep, state) of every entry, as the laptop lists them."""
        ended = self.laptop("queue", "--format", "json")
        assert ended.returncode == 0, ended.stderr
        return [(e["sweep"], e["state"]) for e in json.loads(ended.stdout)["entries"]]

    def wait_until(self, holds) -> None:
        """Block until a function of the entries by sweep returns True."""
        deadline = time.monotonic() + PATIENCE_S
        while not holds({entry.sweep: entry for entry in self.queue.entries()}):
            assert time.monotonic() < deadline, (self.queue.entries(), self.log.read_text())
            time.sleep(0.2)


@pytest.fixture
def cluster(tmp_path):
    running = Cluster(tmp_path)
    yield running
    running.close()


def most_at_once(home: Path, name: str) -> int:
    """The largest number of trials of a sweep that ran at the same time, by their times in MLflow."""
    _, runs = record(home, name)
    times = [(run.info.start_time, run.info.end_time) for run in runs]
    return max(sum(start <= begin < end for start, end in times) for begin, _ in times)


def num_complete(home: Path, name: str) -> int:
    """The number of trials of a sweep that are complete; 0 if it has not begun."""
    journal = home / name / "search.journal"
    return optuna_states(home, name)["COMPLETE"] if journal.exists() else 0


def test_three_sweeps_run_in_their_order_with_their_caps_through_a_kill_of_the_head(cluster):
    two = "resources: {at_once: 2}\n"
    assert "first is in the queue as number 1, at place 1." in (
        cluster.submit("first", two, "--queue", "--cap", 1).stdout
    )
    assert "at place 1." in cluster.submit("urgent", two, "--queue", "--priority", 5).stdout
    assert "at place 3." in cluster.submit("last", ONE_WORKER, "--queue", "--cap", 9).stdout
    assert cluster.listed() == [("urgent", "waiting"), ("first", "waiting"), ("last", "waiting")]
    cluster.serve()
    cluster.wait_until(lambda _: num_complete(cluster.sweeps, "first"))
    cluster.head.kill()
    cluster.kill_server()
    refused = cluster.submit("outage", ONE_WORKER, "--queue")
    assert refused.returncode == 2
    assert refused.stderr.startswith("--address must be the job API of a running Ray cluster")
    states = {entry.sweep: entry.state for entry in cluster.queue.entries()}
    assert states == {"first": "running", "urgent": "done", "last": "waiting"}
    cluster.head.start()
    cluster.serve()
    cluster.wait_until(lambda entries: not any(e.is_open for e in entries.values()))
    first, urgent, last = cluster.queue.entries()
    assert [e.state for e in (first, urgent, last)] == ["done"] * 3, cluster.log.read_text()
    assert urgent.ended <= first.began
    assert first.ended <= last.began
    for name in ("first", "urgent", "last"):
        assert num_complete(cluster.sweeps, name) == NUM_TRIALS
    assert most_at_once(cluster.sweeps, "first") == 1, "its cap"
    assert most_at_once(cluster.sweeps, "last") == 1, "its spec, which has less than its cap"
    assert cluster.listed() == [("last", "done"), ("urgent", "done"), ("first", "done")]


def test_verbs_of_a_laptop_reach_a_cluster_by_its_addresses_alone(cluster):
    (cluster.folder / "pairs.csv").write_text(
        "stereotype,antistereotype\n" + "".join(
            f"the nurse said that she saw {n},the nurse said that he saw {n}\n" for n in range(60)
        )
    )  # fmt: skip
    path = cluster.folder / "own.yaml"
    text = TINY.replace("name: tiny", "name: own").replace("trials: 4", "trials: 400")
    text = text.replace("steps: 2,", "steps: 60,")
    path.write_text(text.replace("{data: miniature, size: 50}", "{data: pairs.csv}"))
    words = [sys.executable, "-m", "sweep", "submit", "own.yaml", "--yes"]
    environment = cluster.head.environment | {"SWEEP_HOME": str(cluster.folder / "home")}
    submitted = subprocess.run(
        words, cwd=cluster.folder, env=environment, capture_output=True, text=True, check=True
    )
    assert "ships    pairs.csv, " in submitted.stdout
    cluster.wait_until(lambda _: num_complete(cluster.sweeps, "own"))
    (job,) = json.loads(cluster.laptop("jobs", "--format", "json").stdout)
    assert (job["id"], job["sweep"], job["state"]) == ("own-1", "own", "running")
    assert "own-1" in cluster.laptop("jobs").stdout
    status = json.loads(cluster.laptop("status", "own", "--format", "json").stdout)
    assert (status["state"], status["job"]["state"]) == ("running", "running")
    assert "no new trial of own begins" in cluster.laptop("pause", "own").stdout
    assert cluster.laptop("resume", "own").stdout == "own goes on.\n"
    assert "ends with its running trials" in cluster.laptop("stop", "own").stdout
    followed = cluster.laptop("logs", "-f", "own")
    assert followed.returncode == 0, followed.stderr
    assert "own: " in followed.stdout
    assert "own: " in cluster.laptop("logs", "own").stdout
    assert "on the front" in cluster.laptop("front", "own").stdout
    assert cluster.laptop("retry", "own").returncode == 1, "no trial has failed"
    assert "must be running to be cancelled" in cluster.laptop("cancel", "own").stderr
    resumed = cluster.laptop("resume", "own")
    assert resumed.stdout == "submitted as own-2; `sweep logs -f own` follows it.\n"
    before = num_complete(cluster.sweeps, "own")
    cluster.wait_until(lambda _: num_complete(cluster.sweeps, "own") > before)
    assert "ends now" in cluster.laptop("cancel", "own").stdout
    assert cluster.laptop("logs", "-f", "own").returncode == 130
    assert not (cluster.folder / "home" / "own").exists()


def test_files_named_like_secrets_are_queued(cluster):
    """What a verb of the queue answers is not what the log of its job shows, which masks values."""
    (cluster.folder / "secret.csv").write_text("stereotype,antistereotype\nhe is,she is\n")
    text = TINY.replace("name: tiny", "name: own").replace(
        "{data: miniature, size: 50}", "{data: secret.csv}"
    )
    (cluster.folder / "own.yaml").write_text(text)
    words = [sys.executable, "-m", "sweep", "submit", "own.yaml", "--yes", "--queue"]
    environment = cluster.head.environment | {"SWEEP_HOME": str(cluster.folder / "home")}
    submitted = subprocess.run(
        words, cwd=cluster.folder, env=environment, capture_output=True, text=True, check=True
    )
    assert "own is in the queue as number 1, at place 1." in submitted.stdout


def test_a_job_that_dies_before_its_record_says_why_without_secrets(cluster):
    text = TINY.replace("name: tiny", "name: gone").replace("{data: miniature", "{data: /gone.csv")
    (cluster.folder / "gone.yaml").write_text(text.replace(", size: 50", ""))
    assert cluster.laptop("submit", cluster.folder / "gone.yaml", "--yes").returncode == 0
    assert cluster.laptop("logs", "-f", "gone").returncode == 2
    shown = cluster.laptop("status", "gone")
    assert shown.returncode == 0, shown.stderr
    assert "gone-1 failed" in shown.stdout
    assert "/gone.csv" in shown.stdout
    tree = json.loads(cluster.laptop("status", "gone", "--format", "json").stdout)
    assert (tree["state"], tree["job"]["code"]) == (None, 2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_sweep_goes_on_without_the_server_of_the_queue_which_finds_it_again(cluster, number):
    assert cluster.submit("one", ONE_WORKER, "--queue").returncode == 0
    cluster.serve()
    cluster.wait_until(lambda _: num_complete(cluster.sweeps, "one"))
    assert cluster.server is not None
    cluster.server.send_signal(number)
    assert cluster.server.wait(30) == (130 if number == signal.SIGINT else -number)
    time.sleep(2)
    cluster.serve()
    cluster.wait_until(lambda entries: entries["one"].state == "done")
    assert num_complete(cluster.sweeps, "one") == NUM_TRIALS
    assert cluster.queue.entries()[0].attempt == 1
    assert "started again" not in cluster.log.read_text()
