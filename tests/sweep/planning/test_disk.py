"""What a sweep writes to disk."""

import pytest

from sweep.config.spec import Checkpoints
from sweep.planning.disk import files
from sweep.planning.work.shapes import CATALOGUED
from sweep.planning.work.trial_work import work_of
from tests.sweep.planning.conftest import shipped

SMOL = CATALOGUED["smollm2-135m"]


def works(name, shape):
    """Return the trials of a shipped spec with their work."""
    return [(trial, work_of(trial, shape)) for trial in shipped(name).trials()]


def test_a_state_has_twelve_bytes_a_weight_for_each_trial_that_runs():
    kept = files(Checkpoints(resume=True), works("smollm2", SMOL), SMOL, num_trials=24, slots=2)
    # 1.61 GB, as CHANGELOG.md has it.
    assert kept["checkpoints"].value == pytest.approx(2 * 1.61e9, rel=0.01)
    assert kept["checkpoints"].high == 2 * kept["checkpoints"].value
    assert "models" not in kept


def test_every_finished_model_is_kept_if_that_is_asked():
    trials = works("smollm2", SMOL)
    kept = files(Checkpoints(model=True), trials, SMOL, num_trials=24, slots=2)
    assert kept["models"].value == pytest.approx(24 * 4 * SMOL.num_weights)
    assert "checkpoints" not in kept
    assert kept["cache"].low == 0, "another sweep may have filled it"


def test_a_sweep_that_compares_with_no_base_keeps_no_states_of_it():
    trials = [each for each in works("smollm2", SMOL) if each[0].regulariser.name == "none"]
    kept = files(Checkpoints(), trials, SMOL, num_trials=24, slots=2)
    assert kept.keys() == {"record"}
