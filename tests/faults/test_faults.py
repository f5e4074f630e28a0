"""A real sweep whose parts are killed at random moments ends like one without kills.

`make faults` is the short form. EQUIPOISE_KILLS=100 is the long one.
"""

import os
import time
from pathlib import Path

import pytest

from tests.faults.counts import Counts, check, count
from tests.faults.kills import Kills
from tests.faults.stage import Stage
from tests.sweep.conftest import TINY

KILLS = int(os.environ.get("EQUIPOISE_KILLS", "20"))
KILLS_OF_PAIRS = KILLS // 5
SEED = int(os.environ.get("EQUIPOISE_SEED", "0"))
MACHINE = ("cost/", "system/")  # metrics of the machine, not of the model
MAX_KILLS_A_SWEEP = 20
NUM_TRIALS, NUM_STEPS, REPORT_EVERY = 8, 40, 5
NUM_TRIALS_LONG = 192  # they take more than two minutes

pytestmark = [pytest.mark.slow, pytest.mark.faults, pytest.mark.timeout(300 + 20 * KILLS)]


def spec(folder: Path, name: str, resources: str, num_trials: int = NUM_TRIALS) -> Path:
    """Write the spec of a sweep and return its path.

    resources: value of the key `resources`, as YAML.
    """
    text = (
        TINY.replace("name: tiny", f"name: {name}", 1)
        .replace("steps: 2,", f"steps: {NUM_STEPS}, report_every: {REPORT_EVERY},")
        .replace("sampler: random", "sampler: tpe")
        .replace("trials: 4", f"trials: {num_trials}")
        .replace("resources: {at_once: 1}", f"resources: {resources}")
    )
    path = folder / f"{name}.yaml"
    path.write_text(f"{text}checkpoints: {{resume: true}}\n")
    return path


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """The cluster and the server of all tests of this file."""
    stage = Stage(tmp_path_factory.mktemp("stage"))
    yield stage
    stage.close()


def counted(stage: Stage, name: str, num_trials: int = NUM_TRIALS) -> Counts:
    """Return the counts of a sweep that has ended, after checking that they are complete."""
    counts = count(stage.home, stage.tracking_uri, name)
    check(counts, num_trials=num_trials, steps=range(0, NUM_STEPS + 1, REPORT_EVERY))
    return counts


def test_a_sweep_whose_parts_are_killed_ends_as_an_undisturbed_one(stage, capsys):
    """With one trial at a time, not even the searched values depend on the moments of the kills."""
    began = time.monotonic()
    path = spec(stage.folder, "alone", "{at_once: 1, cpus_per_trial: 2}")  # on the second node
    kills, num_sweeps = Kills(stage, SEED), 0
    kills.run_sweep("alone", "run", path, max_kills=0)
    undisturbed = counted(stage, "alone")
    while (left := KILLS - kills.done.total()) > 0:
        max_kills = min(left, MAX_KILLS_A_SWEEP)
        if num_sweeps % 2 == 0:
            kills.run_sweep("alone", "run", "--replace", path, max_kills=max_kills)
            assert_same(counted(stage, "alone"), undisturbed)
        else:
            name = f"together-{num_sweeps}"
            on_both_nodes = spec(stage.folder, name, "{at_once: 2}")
            kills.run_sweep(name, "run", on_both_nodes, max_kills=max_kills)
            counted(stage, name)
        num_sweeps += 1
    with capsys.disabled():
        print(f"\n{kills.done.total()} kills in {time.monotonic() - began:.0f} s:")
        for victim, times in sorted(kills.done.items()):
            print(f"  {times:4} of the {victim}")
        print(f"  and the server hung {kills.num_hangs} times")
        print(f"  {num_sweeps} sweeps of {NUM_TRIALS} trials each, all complete")


def test_trials_of_two_processes_whose_parts_are_killed_are_complete(stage, capsys):
    began = time.monotonic()
    path = spec(stage.folder, "pairs", "{at_once: 1, workers_per_trial: 2}")
    kills, num_sweeps = Kills(stage, SEED), 0
    while (left := KILLS_OF_PAIRS - kills.done.total()) > 0:
        kills.run_sweep("pairs", "run", "--replace", path, max_kills=min(left, MAX_KILLS_A_SWEEP))
        counted(stage, "pairs")
        num_sweeps += 1
    with capsys.disabled():
        print(f"\n{kills.done.total()} kills of trials of two processes", end=" ")
        print(f"in {time.monotonic() - began:.0f} s, {num_sweeps} sweeps: {dict(kills.done)}")


@pytest.mark.skipif(KILLS < 100, reason="takes minutes: EQUIPOISE_KILLS=100")
def test_a_tracking_server_that_is_away_for_a_minute_costs_a_sweep_no_time(stage, capsys):
    seconds = {}
    for name in ("up", "away"):
        path = spec(stage.folder, name, "{at_once: 1}", num_trials=NUM_TRIALS_LONG)
        began = time.monotonic()
        stage.start_driver("run", path)
        while len(stage.journal(name)) < 50:
            time.sleep(0.05)
        if name == "away":
            stage.kill_server()
            time.sleep(60)
            assert stage.driver.poll() is None, "the sweep was too short"
            stage.start_server()
            stage.wait_for_server()
            assert stage.driver.poll() is None, "the sweep was too short"
        assert stage.driver.wait(timeout=600) == 0, stage.driver_log()[-5000:]
        seconds[name] = time.monotonic() - began
        counted(stage, name, num_trials=NUM_TRIALS_LONG)
    with capsys.disabled():
        print(f"\nserver up: {seconds['up']:.1f} s; away for 60 s of it: {seconds['away']:.1f} s")
    assert seconds["away"] <= 1.05 * seconds["up"]


def assert_same(disturbed: Counts, undisturbed: Counts) -> None:
    """Fail unless two sweeps agree in parameters, curves of the front, and metrics at every step."""
    assert disturbed.base.keys() == undisturbed.base.keys()
    for metric in ("front/hypervolume", "front/size"):
        assert disturbed.base[metric] == [
            pytest.approx(point, rel=1e-4, abs=1e-5) for point in undisturbed.base[metric]
        ], metric
    assert disturbed.params == undisturbed.params
    assert disturbed.history.keys() == undisturbed.history.keys()
    for number, history in undisturbed.history.items():
        for metric, values in history.items():
            if not metric.startswith(MACHINE):
                assert disturbed.history[number][metric] == [
                    pytest.approx(point, rel=1e-4, abs=1e-5) for point in values
                ], (number, metric)
