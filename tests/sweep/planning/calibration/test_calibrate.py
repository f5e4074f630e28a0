"""Short trials are measured in processes of their own."""

import pytest

from sweep.planning.calibration.calibrate import (
    MAX_TRIALS,
    CannotCalibrate,
    calibrate,
    trials_to_measure,
)
from sweep.planning.work.shapes import CATALOGUED
from sweep.planning.work.trial_work import kinds_of
from tests.sweep.planning.conftest import shipped


def test_every_part_is_measured_and_not_every_combination():
    trials = shipped("smollm2").trials()
    chosen = trials_to_measure(trials)
    parts = [set(enumerate(kinds_of(trial))) for trial in chosen]
    assert set().union(*parts) == {p for trial in trials for p in enumerate(kinds_of(trial))}
    assert len(chosen) == 4 + 3 - 1
    assert len(trials_to_measure(shipped("smollm2-menu").trials())) <= MAX_TRIALS


@pytest.mark.long
@pytest.mark.timeout(180)
def test_two_processes_measure_the_miniature_at_once(monkeypatch):
    monkeypatch.delenv("EQUIPOISE_CACHE")
    spec = shipped("miniature")
    trials = trials_to_measure(spec.trials())[:2]
    shape = CATALOGUED["miniature-llama"]
    found = calibrate(trials, shape, at_once=2, num_cores=1, gpus_per_trial=0)
    assert found.at_once == 2
    assert [step.kind for step in found.steps] == [kinds_of(trial) for trial in trials]
    assert all(0 < step.seconds < 10 for step in found.steps)
    assert len(found.evaluations) == len(trials[0].evaluators)
    assert 1e8 < found.peak_memory < 1e10
    assert 0 < found.setup_s < found.start_s < 120


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_trial_that_cannot_be_run_is_one_sentence(spec_with):
    spec = spec_with(("{path: miniature-llama}", "{path: nowhere/at-all}"))
    with pytest.raises(CannotCalibrate, match=r"cannot be measured here: .*nowhere/at-all"):
        calibrate(
            spec.trials()[:1],
            CATALOGUED["miniature-llama"],
            at_once=1,
            num_cores=1,
            gpus_per_trial=0,
        )
