"""Trials of two processes in real sweeps: what is recorded, and what the death of one does."""

import math
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from sweep.workers.ranks import ProcessDied, _first_cause, lacks_memory, network_of
from tests.sweep.conftest import ONE_WORKER, TINY, record, sweep

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

SPEC = TINY.replace("trials: 4", "trials: 2").replace(ONE_WORKER, "")
TOGETHER = "resources: {at_once: 1, workers_per_trial: 2}\n"
SLOW = (
    SPEC.replace("steps: 2, batch_size: 4", "steps: 400, batch_size: 4, report_every: 20")
    + "checkpoints: {resume: true}\n"
    + TOGETHER
)


def ranks(home: Path, title: str = "ray::Rank") -> list[psutil.Process]:
    """Return the processes of further ranks, or of other actors, in the sweeps of a SWEEP_HOME."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        command = " ".join(process.info["cmdline"] or ())
        environment = process.info["environ"] or {}
        if command.startswith(title) and environment.get("SWEEP_HOME") == str(home):
            found.append(process)
    return found


@pytest.mark.long
def test_trials_of_two_processes_are_recorded_as_those_of_one(tmp_path):
    values = {}
    for name, more in (("alone", ONE_WORKER), ("together", TOGETHER)):
        home = tmp_path / name
        file = tmp_path / f"{name}.yaml"
        file.write_text(SPEC + more)
        process = sweep("run", file, SWEEP_HOME=str(home))
        assert process.returncode == 0, process.stdout + process.stderr
        _, runs = record(home, "tiny")
        assert [run.info.status for run in runs] == ["FINISHED"] * 2
        values[name] = {run.data.tags["sweep.trial"]: run.data.metrics for run in runs}
    assert values["alone"].keys() == values["together"].keys()
    for number, metrics in values["alone"].items():
        together = values["together"][number]
        for name, value in metrics.items():
            if not name.startswith(("system/", "cost/")):
                assert math.isclose(together[name], value, rel_tol=1e-3, abs_tol=1e-3), name


@pytest.mark.long
def test_the_death_of_a_process_ends_its_trial_which_goes_on_from_its_checkpoint(tmp_path):
    home, file = tmp_path / "sweeps", tmp_path / "slow.yaml"
    file.write_text(SLOW)
    command = [sys.executable, "-m", "sweep", "run", str(file)]
    with (tmp_path / "log").open("w") as log:
        driver = subprocess.Popen(
            command, env=os.environ | {"SWEEP_HOME": str(home)}, stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + 200
        while not list(home.glob("tiny/checkpoints/*/latest")) and time.monotonic() < deadline:
            time.sleep(0.1)
        (rank,), (first,) = ranks(home), ranks(home, "ray::ResourceTrainable")
        rank.kill()
        _, left = psutil.wait_procs([first], timeout=10)
        assert left == [], "the other process of the trial has not ended in 10 s"
        assert driver.wait(300) == 0, (tmp_path / "log").read_text()[-3000:]
    finally:
        driver.kill()
    assert ranks(home) == ranks(home, "ray::ResourceTrainable") == []
    _, runs = record(home, "tiny")
    assert [run.info.status for run in runs] == ["FINISHED"] * 2
    log = (tmp_path / "log").read_text()
    assert "is tried again: its process died on " in log


def test_a_death_is_the_cause_of_what_others_raise():
    death, consequence = ProcessDied("it died"), RuntimeError("Connection closed by peer")
    assert _first_cause([consequence, death]) is death
    assert _first_cause([consequence, ValueError("another")]) is consequence


@pytest.mark.parametrize(
    ("problem", "lacks"),
    [
        (ProcessDied("workers were killed due to the node running low on memory"), True),
        (ProcessDied("its process died"), False),
        (MemoryError(), True),
        (ValueError("running low on memory"), False),
    ],
)
def test_a_lack_of_memory_shows_in_what_a_process_raises_or_in_its_death(problem, lacks):
    assert lacks_memory(problem) is lacks


def test_the_network_is_that_of_an_address_of_this_node():
    loopback = next(
        name
        for name, entries in psutil.net_if_addrs().items()
        if any(entry.address == "127.0.0.1" for entry in entries)
    )
    assert network_of("127.0.0.1") == {
        "GLOO_SOCKET_IFNAME": loopback, "NCCL_SOCKET_IFNAME": loopback,
    }  # fmt: skip
    assert network_of("192.0.2.1") == {}
