"""A node dies and another joins while a sweep, submitted from afar, runs on nodes with addresses of their own.

The machines are namespaces of this one: tests/machines.py.
"""

import json
import secrets
import subprocess
import time
from collections.abc import Callable

import pytest

from tests.faults.stage import HEALTH_CHECK
from tests.machines import ENVIRONMENT, SHARED, CannotRun, machines
from tests.sweep.conftest import ONE_WORKER, TINY

pytestmark = [pytest.mark.long, pytest.mark.slow, pytest.mark.timeout(900)]

NUM_TRIALS, NUM_STEPS, REPORT_EVERY = 16, 1000, 100
SPEC = (
    TINY.replace("name: tiny", "name: nodes")
    .replace("steps: 2,", f"steps: {NUM_STEPS}, report_every: {REPORT_EVERY},")
    .replace("trials: 4", f"trials: {NUM_TRIALS}")
    .replace(ONE_WORKER, "resources: {at_once: 2}\n")
    + f"checkpoints: {{resume: true, storage_path: {SHARED}}}\n"
)
STORE = "http://127.0.0.1:5000"  # of the head, on which the driver runs
SERVER = (
    "mlflow server --host 127.0.0.1 --port 5000 --workers 1 --backend-store-uri sqlite:///mlflow.db"
)
CHECK = f"""
from pathlib import Path
from tests.faults.counts import check, count
counts = count(Path.home() / "sweeps", "{STORE}", "nodes")
check(counts, num_trials={NUM_TRIALS}, steps=range(0, {NUM_STEPS + 1}, {REPORT_EVERY}))
"""


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    """(laptop, head, worker, another that is off): a cluster of two nodes with a token, and MLflow."""
    try:
        with machines(["laptop", "head", "worker", "next"], tmp_path_factory.mktemp("m")) as four:
            laptop, head, worker, _ = four
            token = secrets.token_hex(32)
            for machine in four:
                machine.copy_project()
                (machine.home / ".ray").mkdir(mode=0o700)
                (machine.home / ".ray" / "auth_token").write_text(token)
                with (machine.home / ".bashrc").open("a") as file:
                    file.write("export PYTHONPATH=~/equipoise RAY_AUTH_MODE=token\n")
            start(head, SERVER)
            start(
                head,
                f"ray start --block --head --num-cpus=1 --node-ip-address={head.address} "
                f"--port=6379 --dashboard-host={head.address} "
                f"--system-config='{json.dumps(HEALTH_CHECK)}'",
            )
            until(lambda: answers(head, "127.0.0.1", 5000))
            until(lambda: answers(laptop, head.address, 8265))
            join(worker, head)
            yield four
    except CannotRun as error:
        pytest.skip(str(error))


def start(machine, command: str) -> None:
    """Start a command on a machine, where it runs on."""
    made = machine.run(f"(setsid {command} > log 2>&1 < /dev/null &)")
    assert made.returncode == 0, made.stderr


def join(machine, head) -> None:
    """Let a machine be a node of the cluster of a head, with one CPU."""
    start(
        machine,
        f"ray start --block --num-cpus=1 --address={head.address}:6379 "
        f"--node-ip-address={machine.address}",
    )


def answers(machine, host: str, port: int) -> bool:
    """Return whether something listens at an address, seen from a machine."""
    return machine.run(f": < /dev/tcp/{host}/{port}").returncode == 0


def until(is_so: Callable[[], object], patience_s: float = 240) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def num_ended(head) -> int:
    """Return how many trials of the sweep have ended, by the record in the folder of the head."""
    journal = head.home / "sweeps" / "nodes" / "record" / "journal.jsonl"
    return journal.read_text().count('"do":"close"') if journal.exists() else 0


def trains(machine) -> bool:
    """Return whether a process of a machine runs trials."""
    return "Trainable" in machine.commands()


def test_who_lacks_the_token_is_refused(up):
    laptop, head, *_ = up
    (laptop.home / "nodes.yaml").write_text(SPEC)
    words = f"sweep submit nodes.yaml --yes --address http://{head.address}:8265"
    refused = laptop.run(f"RAY_AUTH_TOKEN={'0' * 64} {words}", timeout=120)
    assert refused.returncode == 2
    assert "does not take the sweep" in refused.stderr


def test_a_node_that_dies_and_one_that_joins_cost_a_sweep_no_trial_and_no_report(up):
    laptop, head, worker, other = up
    (laptop.home / "nodes.yaml").write_text(SPEC)
    words = f"sweep submit nodes.yaml --yes --follow --address http://{head.address}:8265"
    submitted = subprocess.Popen(
        laptop.words(f"{words} --tracking-uri {STORE}"),
        env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    until(lambda: num_ended(head) >= 3 and trains(worker))
    assert trains(head)
    worker.lose_power()
    join(other, head)
    until(lambda: trains(other))
    assert num_ended(head) < NUM_TRIALS, "the sweep was too short"
    log, _ = submitted.communicate(timeout=600)
    assert submitted.returncode == 0, log
    checked = head.run(f"cd equipoise && python -c '{CHECK}'", timeout=120)
    assert checked.returncode == 0, checked.stderr
