"""A real sweep whose parts are killed at random moments: it ends as if nobody had been.

`pytest -m faults` is the short form; EQUIPOISE_KILLS=100 is the long one, and prints what it did.
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
SEED = int(os.environ.get("EQUIPOISE_SEED", "0"))
MACHINE = ("cost/", "system/")  # measures the machine, not the model
A_SWEEP = 20  # kills of one, at most
TRIALS, STEPS, EVERY = 8, 40, 5
MANY = 192  # trials, which take more than twice the minute

pytestmark = [pytest.mark.slow, pytest.mark.faults, pytest.mark.timeout(300 + 20 * KILLS)]


def spec(folder: Path, name: str, resources: str, trials: int = TRIALS) -> Path:
    text = (
        TINY.replace("name: tiny", f"name: {name}", 1)
        .replace("steps: 2,", f"steps: {STEPS}, report_every: {EVERY},")
        .replace("sampler: random", "sampler: tpe")
        .replace("trials: 4", f"trials: {trials}")
    )
    path = folder / f"{name}.yaml"
    path.write_text(f"{text}checkpoints: {{resume: true}}\nresources: {resources}\n")
    return path


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    stage = Stage(tmp_path_factory.mktemp("stage"))
    yield stage
    stage.close()


def counted(stage: Stage, name: str, trials: int = TRIALS) -> Counts:
    counts = count(stage.home, stage.tracking_uri, name)
    check(counts, num_trials=trials, steps=range(0, STEPS + 1, EVERY))
    return counts


def test_a_sweep_whose_parts_are_killed_ends_as_an_undisturbed_one(stage, capsys):
    """One trial at a time: then not even what is searched depends on when anyone dies."""
    began = time.monotonic()
    path = spec(stage.folder, "alone", "{at_once: 1, cpus_per_trial: 2}")  # on the second node
    kills, sweeps = Kills(stage, SEED), 0
    kills.through("alone", "run", path, most=0)
    undisturbed = counted(stage, "alone")
    while (left := KILLS - kills.done.total()) > 0:
        if sweeps % 2 == 0:
            kills.through("alone", "run", "--replace", path, most=min(left, A_SWEEP))
            same(counted(stage, "alone"), undisturbed)
        else:
            name = f"together-{sweeps}"
            on_both = spec(stage.folder, name, "{at_once: 2}")
            kills.through(name, "run", on_both, most=min(left, A_SWEEP))
            counted(stage, name)
        sweeps += 1
    with capsys.disabled():
        print(f"\n{kills.done.total()} kills in {time.monotonic() - began:.0f} s:")
        for what, times in sorted(kills.done.items()):
            print(f"  {times:4} of the {what}")
        print(f"  and {kills.hangs} times the server hung")
        print(f"  {sweeps} sweeps of {TRIALS} trials each, every one as it must be")


@pytest.mark.skipif(KILLS < 100, reason="takes minutes: EQUIPOISE_KILLS=100")
def test_a_tracking_server_that_is_away_for_a_minute_costs_a_sweep_no_time(stage, capsys):
    took = {}
    for name in ("up", "away"):
        path = spec(stage.folder, name, "{at_once: 1}", trials=MANY)
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
        took[name] = time.monotonic() - began
        counted(stage, name, trials=MANY)
    with capsys.disabled():
        print(f"\nserver up: {took['up']:.1f} s; away for 60 s of it: {took['away']:.1f} s")
    assert took["away"] <= 1.05 * took["up"]


def same(disturbed: Counts, undisturbed: Counts) -> None:
    """In what was searched, in the front's way, and in every value of every metric at every step."""
    assert disturbed.base.keys() == undisturbed.base.keys()
    for metric in ("front/hypervolume", "front/size"):
        assert disturbed.base[metric] == [
            pytest.approx(each, rel=1e-4, abs=1e-5) for each in undisturbed.base[metric]
        ], metric
    assert disturbed.params == undisturbed.params
    assert disturbed.history.keys() == undisturbed.history.keys()
    for number, history in undisturbed.history.items():
        for metric, values in history.items():
            if not metric.startswith(MACHINE):
                assert disturbed.history[number][metric] == [
                    pytest.approx(each, rel=1e-4, abs=1e-5) for each in values
                ], (number, metric)
