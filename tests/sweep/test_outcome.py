"""The state in which a trial ended."""

import pytest

from sweep.config.check import load
from sweep.outcome import outcome_of
from sweep.workers.result import TrialResult
from tests.sweep.search.test_searcher import searcher


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


@pytest.mark.parametrize("is_last", [True, False])
def test_an_outcome_tells_whether_an_input_had_changed(tiny, tmp_path, is_last):
    """Tune tells the searcher of a last report as the trial completes, and of others before."""
    spec, _ = load(tiny)
    search, _, ended = searcher(spec, tmp_path / "journal")
    for number, has_changed in enumerate((True, False)):
        search.suggest(str(number))
        failed = TrialResult(failure="why", input_changed=has_changed, done=True).for_tune()
        if not is_last:
            search.on_trial_result(str(number), failed)
        search.on_trial_complete(str(number), failed if is_last else None)
    assert [(one.failure, one.input_changed) for one in ended] == [("why", True), ("why", False)]
