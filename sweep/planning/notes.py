"""Sentences on what the numbers of a plan assume, or leave out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sweep.planning.absence import absence
from sweep.planning.calibration.kept import CalibratedSpeed
from sweep.planning.estimate import HOUR
from sweep.planning.work.evaluation_work import is_counted_exactly
from sweep.schedulers import NoScheduler
from trainables.schema.counted import counted

if TYPE_CHECKING:
    from sweep.planning.estimate import Estimate
    from sweep.planning.machine import Machine


BUSY = 0.8  # share of the time that a calibration has its processor, below which that is said


def notes(estimate: Estimate, machine: Machine) -> list[str]:
    """Return sentences on what the numbers assume, or leave out."""
    first, resources = estimate.works[0][0], estimate.spec.resources
    notes = []
    if not isinstance(estimate.speed, CalibratedSpeed):
        notes.append("--calibrate measures this model here, in minutes, and narrows the ranges.")
    elif estimate.speed.calibration.share < BUSY:
        notes.append(
            f"other programs ran while this was calibrated: a trial had its processor for "
            f"{estimate.speed.calibration.share:.0%} of the time, and is faster without them."
        )
    if estimate.shape.source != "its files":
        notes.append(f"{first.model.path}: its size is that of {estimate.shape.source}.")
    absent = [each.name for each in first.evaluators if not is_counted_exactly(each)]
    if absent and not isinstance(estimate.speed, CalibratedSpeed):
        notes.append(f"data not at hand, counted as usual: {', '.join(dict.fromkeys(absent))}.")
    notes += absence([trial for trial, _ in estimate.works])
    if resources.gpus_per_trial and not machine.gpus:
        notes.append("this machine has no GPU: the speed is that of a usual one.")
    if estimate.room.num > max(1, estimate.room.here):
        notes.append(
            f"{counted(estimate.room.num, 'trial')} run at once, of which this machine has room for "
            f"{estimate.room.here}."
        )
    if not isinstance(estimate.spec.scheduler, NoScheduler):
        notes.append(
            f"{estimate.spec.scheduler.name} may end trials early: the range of the time is from all "
            "ended at their first report to none."
        )
    memory = estimate.peak_memory()
    limit = machine.gpu_memory if resources.gpus_per_trial else machine.memory
    num_processes = max(1, estimate.room.here) * resources.workers_per_trial
    if resources.gpus_per_trial:
        num_processes = min(num_processes, resources.processes_per_gpu)
    together = memory * num_processes
    if limit and together.value > limit:
        what = "a GPU" if resources.gpus_per_trial else "this machine"
        notes.append(
            f"workers may need {together.value / 1e9:.0f} GB, but {what} has "
            f"{limit / 1e9:.0f} GB: lower resources.at_once or train.batch_size."
        )
    hours = estimate.spec.budget.hours
    if hours and estimate.wall().high > hours * HOUR:
        per_trial = estimate.mean_trial().value
        num_run = min(estimate.spec.num_trials, round(hours * HOUR * estimate.room.num / per_trial))
        notes.append(
            f"budget.hours ({hours:g}) may end it: after about {counted(num_run, 'trial')}."
        )
    return notes
