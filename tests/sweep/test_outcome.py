"""The state in which a trial ended."""

import pytest

from sweep.outcome import outcome_of
from sweep.workers.result import TrialResult


@pytest.mark.parametrize(
    ("result", "error", "outcome"),
    [
        (TrialResult(step=4, progress=1.0), False, ("complete", "")),
        (TrialResult(step=2, progress=0.5), False, ("pruned", "")),
        (TrialResult(failure="it diverged", progress=1.0), False, ("failed", "it diverged")),
        (TrialResult(step=4, progress=1.0), True, ("failed", "the trial's process failed")),
        (None, False, ("failed", "the trial's process failed")),
    ],
)
def test_a_trial_is_complete_pruned_or_failed(result, error, outcome):
    assert outcome_of(result, error=error) == outcome
