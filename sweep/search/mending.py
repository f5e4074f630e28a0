"""Bring the record of a sweep to what its journal and its search know, before the sweep goes on."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.record.names import Tag

if TYPE_CHECKING:
    from sweep.search.losses import Loss
    from sweep.tracking.mlflow_record import Record
    from sweep.tracking.outbox import Outbox
    from sweep.tracking.outbox_entries import Attached
    from sweep.tracking.recorder import Recorder

log = logging.getLogger(__name__)


def deliver_again(record: Record, outbox: Outbox) -> list[Attached]:
    """Have all entries delivered again if the store lacks some that it had taken, and say so.

    Runs that a user has deleted are not made again.

    Returns:
        The entries whose files went with the store that had taken them.
    """
    runs = record.trial_runs()
    missing = outbox.missing_in(runs)
    if missing:
        deleted = record.known_trials() - {int(run.data.tags[Tag.TRIAL]) for run in runs}
        missing = [number for number in missing if number not in deleted]
    if not missing:
        return []
    gone = outbox.mark_all_undelivered()
    lost: dict[str, list[int]] = {}
    for entry in gone:
        if entry.trial is not None:
            lost.setdefault(Path(entry.file).name, []).append(entry.trial)
    files = " and ".join(f"{name} of {trials_in_words(numbers)}" for name, numbers in lost.items())
    log.warning(
        "the tracking store lacks what it had taken of %s, as an old copy does: all of the record is "
        "delivered again%s",
        trials_in_words(missing),
        f", but {files}, which went with it" if files else "",
    )
    return gone


def settle(lost: Sequence[Loss], recorder: Recorder, name: str) -> None:
    """Record what is left of trials of which the record lacks something, and say what is lost."""
    for loss in lost:
        if loss.lacks:
            recorder.close_lost(loss.request, loss.reason, loss.values)
        else:
            recorder.open_trial(loss.request)
            recorder.close_trial(loss.outcome)
    if numbers := [loss.outcome.number for loss in lost if loss.lacks]:
        log.warning(
            "the record of %s has lost results of %s, which the search knows to be complete: "
            "it is not run again, and is on no front"
            if len(numbers) == 1
            else "the record of %s has lost results of %s, which the search knows to be complete: "
            "they are not run again, and are on no front",
            name,
            trials_in_words(numbers),
        )


def trials_in_words(numbers: Sequence[int]) -> str:
    """Return trials in words.

    >>> trials_in_words([3]), trials_in_words([3, 5])
    ('trial 3', 'trials 3, 5')
    """
    return f"{'trial' if len(numbers) == 1 else 'trials'} {', '.join(map(str, numbers))}"
