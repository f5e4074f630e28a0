"""Deliver everything again to a store that lacks what it had taken, as an old copy of it does."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.record.names import Artifact, trial_in
from sweep.tracking.artifacts import has_artifact
from trainables.schema.counted import numbered
from trainables.schema.text.shown import as_word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sweep.config.spec import SweepSpec
    from sweep.tracking.entries.kinds import Attached
    from sweep.tracking.mlflow_record import Record
    from sweep.tracking.outbox import Outbox

log = logging.getLogger(__name__)

MAX_NAMED = 5  # settings that a sentence lists


def restore_files(record: Record, spec: SweepSpec, text: str) -> bool:
    """Write anew what reading the sweep needs if its files are gone; return whether they were.

    text: of the spec, as it was typed.
    """
    if all(
        has_artifact(record.tracking_uri, record.run_id, name)
        for name in (Artifact.DECLARATIONS, Artifact.SPEC)
    ):
        return False
    record.log_declarations(spec, text)
    return True


def deliver_again(
    record: Record, outbox: Outbox, *, has_lost_files: bool = False
) -> list[Attached]:
    """Have all entries delivered again if the store lacks some that it had taken, and say so.

    Runs that a user has deleted are not made again.

    has_lost_files: whether files of the sweep's own run are known to be gone from the store.

    Returns:
        The entries whose files went with the store that had taken them.
    """
    runs = record.trial_runs()
    if deleted := record.deleted_trials():
        whose = numbered("trial", sorted(deleted))
        log.warning("the runs of %s were deleted in MLflow, and stay so", whose)
    lacking = outbox.missing_in(runs, record.own_run())
    if lacking.changed:
        log.warning("%s", _changed_sentence(record.sweep, lacking.changed))
    missing = [n for n in lacking.trials if n not in deleted]
    if has_lost_files and None not in missing:
        missing.append(None)
    if not missing:
        return []
    run_ids = {trial_in(run.data.tags): run.info.run_id for run in runs} | {None: record.run_id}
    for report in lacking.metrics:
        # Of its history alone MLflow makes no last value, which readers ask for.
        (name,) = report.metrics
        if report.trial in missing and record.steps(name, run_ids[report.trial]):
            outbox.put(report)
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


def _changed_sentence(name: str, changed: Mapping[int, Sequence[str]]) -> str:
    """Return a sentence on settings that a store has otherwise than it had taken them.

    name: of the sweep. changed: the names of the settings, by the trial.
    """
    names = sorted({setting for own in changed.values() for setting in own})
    shown = [as_word(setting) for setting in names[:MAX_NAMED]]
    more = " …" if len(names) > MAX_NAMED else ""
    return (
        f"the tracking store has other values of {', '.join(shown)}{more} of "
        f"{numbered('trial', sorted(changed))} than it had taken, and MLflow lets no setting be "
        f"changed: put an intact copy of it back, or have `sweep sync {name} --tracking-uri URI` "
        f"record all of the sweep in another one."
    )


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
