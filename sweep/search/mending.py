"""Bring the record of a sweep to what its search knows, before the sweep goes on."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.record.names import lost_in
from trainables.schema.counted import numbered

if TYPE_CHECKING:
    from sweep.search.lost_results import LostResult
    from sweep.tracking.mlflow_record import Record
    from sweep.tracking.recorder import Recorder

log = logging.getLogger(__name__)


def record_lost(lost: Sequence[LostResult], recorder: Recorder) -> None:
    """Record what is left of trials of which the record lacks something."""
    for one in lost:
        if one.lacks:
            recorder.close_lost(one.request, one.reason, one.values)
        else:
            recorder.open_trial(one.request)
            recorder.close_trial(one.outcome)


def left_lost(record: Record) -> list[int]:
    """Return the numbers of the trials that have lost results and that nobody has retried, sorted."""
    return lost_in((run.data.tags for run in record.trial_runs()), record.tags())


def lost_sentence(name: str, numbers: Sequence[int]) -> str:
    """Return a sentence on complete trials of which the record has lost results.

    name: of the sweep. numbers: of the trials.
    """
    trials = numbered("trial", numbers)
    are, them = ("are", "them") if len(numbers) > 1 else ("is", "it")
    return (
        f"the record of {name} has lost results of {trials}, which {are} complete by the search, and "
        f"on no front: put an intact copy of its folder `record` back and `sweep sync {name}`, or "
        f"have `sweep retry {name}` run {them} again."
    )
