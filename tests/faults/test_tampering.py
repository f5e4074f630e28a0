"""A killed sweep one of whose files was cut, changed or replaced goes on, or says why it does not.

No trial runs twice, none is lost without being named, and none is complete without its results.
"""

import os

import pytest
import ray

from tests.faults.killed_sweep import NUM_TRIALS, Stage, with_one_worker
from tests.faults.tampering import run_case

CASES = int(os.environ.get("EQUIPOISE_CASES", "5"))  # of each of two sweeps
SEED = int(os.environ.get("EQUIPOISE_SEED", "0"))

pytestmark = [pytest.mark.long, pytest.mark.slow, pytest.mark.timeout(300 + 120 * CASES)]


@pytest.fixture(scope="module", autouse=True)
def cluster():
    """One cluster of Ray for all cases, which spares its start."""
    with_one_worker()
    yield
    ray.shutdown()


@pytest.mark.parametrize("is_behind", [False, True], ids=["delivered", "behind"])
def test_a_sweep_whose_files_are_tampered_with(is_behind, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("SWEEP_HOME", "")  # as it was, at the end
    stage = Stage(tmp_path, is_behind=is_behind)
    assert 0 < len(stage.recorded) <= len(stage.ended) < NUM_TRIALS
    wrong = []
    for seed in range(SEED, SEED + CASES):
        case = run_case(stage, seed)
        with capsys.disabled():
            print(f"\n{seed} {case.done}: {', '.join(case.ends)}", end="")
        wrong += [(seed, case.done, case.problems, case.said)] if case.problems else []
    assert wrong == []
