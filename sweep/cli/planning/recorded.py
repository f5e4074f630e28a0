"""The speed of a machine, from the trials of earlier sweeps in the local record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from analysis.record.names import Artifact, Role, Tag, TrialState
from sweep import workspace
from sweep.config.spec import Resources
from sweep.planning.interval import Interval
from sweep.planning.speed import DefaultSpeed, ScaledSpeed, trial_seconds
from sweep.planning.work.trial_work import work_of
from trainables.config import TrialConfig
from trainables.schema.counted import counted
from trainables.schema.plain_yaml import from_yaml

if TYPE_CHECKING:
    from analysis.record.store.database import Run
    from sweep.config.spec import SweepSpec

MAX_TRIALS = 200  # the latest, that are looked at
FEWEST = 3  # trials, from which a speed is taken
LEAST_FACTOR = 1.4  # of the range, both ways: another spec has other steps
OUTER = 0.1  # share of the trials on either side that the range leaves out


class Recorded(NamedTuple):
    """A trial that was recorded as complete: its configuration, and how long it took."""

    trial: TrialConfig
    seconds: float


def recorded_speed(spec: SweepSpec, usual: DefaultSpeed) -> ScaledSpeed | None:
    """Return the usual speed times what recorded trials took longer than is usual; None without any.

    Trials count that had the same model in the same precision, on as many cores and GPUs each.
    """
    model, dtype = spec.trials()[0].model, spec.trials()[0].train.dtype
    ratios = []
    for trial, seconds in _recorded(spec):
        if (trial.model, trial.train.dtype) == (model, dtype):
            parts = trial_seconds(work_of(trial, usual.shape), usual)
            ratios.append(seconds / sum(part.value for part in parts.values()))
    if len(ratios) < FEWEST:
        return None
    ratios.sort()
    left_out, middle = int(len(ratios) * OUTER), median(ratios)
    low = min(ratios[left_out], middle / LEAST_FACTOR)
    high = max(ratios[-1 - left_out], middle * LEAST_FACTOR)
    words = f"{counted(len(ratios), 'recorded trial')} of this model"
    return ScaledSpeed(usual, Interval(low, middle, high), words)


def _recorded(spec: SweepSpec) -> Iterator[Recorded]:
    """Yield the latest complete trials of sweeps that were run here with the same resources."""
    from analysis.record.store.database import open_database

    if not workspace.local_store().is_file():
        return
    database = open_database(workspace.local_tracking_uri())
    if database is None:
        return
    tags = {Tag.ROLE: Role.TRIAL, Tag.STATE: TrialState.COMPLETE}
    with suppress(Exception):  # of SQLAlchemy: a plan does without the record
        runs = database.runs(database.experiment_ids(), tags, tags_alone=True)
        for run in runs[-MAX_TRIALS:]:
            if _has_resources_of(spec, run.data.tags.get(Tag.SWEEP, "")):
                yield from _read(run)


def _read(run: Run) -> Iterator[Recorded]:
    """Yield the trial of a run, if the record has its configuration on this disk, and its times."""
    file = Path(run.info.artifact_uri.removeprefix("file://"), Artifact.TRIAL)
    begun, ended = run.info.start_time, run.info.end_time
    if begun and ended and ended > begun:
        with suppress(OSError, ValueError):
            tree: Any = from_yaml(file.read_text(encoding="utf-8"))
            yield Recorded(TrialConfig.model_validate(tree), (ended - begun) / 1000)


def _has_resources_of(spec: SweepSpec, name: str) -> bool:
    """Return whether a sweep that was run here gave its trials the CPUs and GPUs of this spec."""
    with suppress(OSError, ValueError):
        tree = from_yaml(workspace.spec(name).read_text(encoding="utf-8"))
        given = tree.get("resources", {}) if isinstance(tree, dict) else {}
        if isinstance(given, dict):
            keys = ("workers_per_trial", "cpus_per_trial", "gpus_per_trial")
            usual = Resources()
            found = [given.get(key, getattr(usual, key)) for key in keys]
            return found == [getattr(spec.resources, key) for key in keys]
    return False
