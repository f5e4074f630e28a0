"""Deliver everything again to a store that lacks what it had taken, as an old copy of it does."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.record.names import Artifact, trial_in
from sweep.tracking.artifacts import has_artifact
from trainables.schema.counted import numbered

if TYPE_CHECKING:
    from sweep.tracking.entries.kinds import Attached
    from sweep.tracking.mlflow_record import Record
    from sweep.tracking.outbox import Outbox

log = logging.getLogger(__name__)


def deliver_again(record: Record, outbox: Outbox) -> list[Attached]:
    """Have all entries delivered again if the store lacks some that it had taken, and say so.

    Runs that a user has deleted are not made again.

    Returns:
        The entries whose files went with the store that had taken them.
    """
    runs = record.trial_runs()
    if deleted := record.deleted_trials():
        whose = numbered("trial", sorted(deleted))
        log.warning("the runs of %s were deleted in MLflow, and stay so", whose)
    missing = [n for n in outbox.missing_in(runs, record.own_run()) if n not in deleted]
    if not missing:
        return []
    run_ids = {trial_in(run.data.tags): run.info.run_id for run in runs} | {None: record.run_id}
    gone = [
        entry
        for entry in outbox.mark_all_undelivered()
        if entry.trial not in run_ids
        or not has_artifact(record.tracking_uri, run_ids[entry.trial], _top(entry))
    ]
    lost: dict[str, list[int]] = {}
    for entry in gone:
        if entry.trial is not None:
            lost.setdefault(Path(entry.file).name, []).append(entry.trial)
    numbers = [number for number in missing if number is not None]
    words = ["the sweep itself"] if None in missing else []
    words += [numbered("trial", numbers)] if numbers else []
    files = " and ".join(f"{name} of {numbered('trial', trials)}" for name, trials in lost.items())
    log.warning(
        "the tracking store lacks what it had taken of %s, as an old copy does: all of the record is "
        "delivered again%s",
        " and ".join(words),
        f", but {files}, which went with it" if files else "",
    )
    return gone


def _top(entry: Attached) -> str:
    """Return the name at the top of a run's artifacts of what an entry attaches."""
    return entry.to.partition("/")[0] or Path(entry.file).name


def lacks_base_items(record: Record, outbox: Outbox) -> bool:
    """Return whether the store lacks the items of the base model, which it had taken, and say so.

    The next trial that begins measures the base model anew.
    """
    if not outbox.has_delivered(None, Artifact.ITEMS):
        return False
    if has_artifact(record.tracking_uri, record.run_id, Artifact.ITEMS):
        return False
    log.warning(
        "the tracking store lacks %s of the base model, which it had taken: without them no trial can "
        "be compared with the base model; the next trial that begins brings them anew",
        Artifact.ITEMS,
    )
    return True
