"""The plan of a sweep: what it will spend, each number with its range and what it rests on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from sweep.planning.absence import absence
from sweep.planning.calibration.kept import CalibratedSpeed, Calibration, file_of, kept
from sweep.planning.estimate import Estimate, Option, Row
from sweep.planning.interval import Interval
from sweep.planning.machine import Machine, this_machine
from sweep.planning.notes import notes as notes_on
from sweep.planning.slots import Slots, slots_of
from sweep.planning.speed import DefaultSpeed, Speed, usual_speed
from sweep.planning.work.drawn import drawn_trials
from sweep.planning.work.shapes import ModelShape, shape_of
from sweep.planning.work.trial_work import work_of
from sweep.space.corners import branches
from trainables.schema.counted import counted

if TYPE_CHECKING:
    from sweep.config.spec import SweepSpec
    from trainables.config import TrialConfig

# Finds the speed in the record of earlier sweeps, given the spec and the usual speed.
FindRecorded = Callable[["SweepSpec", DefaultSpeed], Speed | None]


@dataclass(frozen=True)
class Plan:
    """What a sweep will spend.

    Attributes:
        name: of the sweep.
        num_trials, num_recipes, num_seeds: how many are run; the seeds are those of each recipe.
        num_branches: combinations of all choices; None if they are more than are counted.
        slots: how many trials run at once.
        where: on what a trial runs, in words.
        rows: the numbers.
        parts: part of the mean trial -> its seconds; empty if they are not known.
        num_steps, num_measurements: of the mean trial.
        options: what a trial takes with each option of KEYS that is searched.
        notes: sentences on what the numbers assume, or leave out.
    """

    name: str
    num_trials: int
    num_recipes: int
    num_seeds: int
    num_branches: int | None
    slots: Slots
    where: str
    rows: tuple[Row, ...]
    parts: dict[str, Interval]
    num_steps: float
    num_measurements: float
    options: tuple[Option, ...]
    notes: tuple[str, ...]

    def row(self, name: str) -> Row:
        """Return the row of a name; raise StopIteration if there is none."""
        return next(row for row in self.rows if row.name == name)


def make_plan(
    spec: SweepSpec,
    *,
    slots: int | None = None,
    cap: int | None = None,
    price: float | None = None,
    find_recorded: FindRecorded = lambda spec, usual: None,
    machine: Machine | None = None,
) -> Plan:
    """Return what a sweep will spend.

    Args:
        spec: of the sweep, which `sweep.config.check` has found sound.
        slots: trials at once; those of the spec, or as many as fit here, if left out.
        cap: the most trials at once, whatever the spec says.
        price: of an hour of an accelerator, or of a slot without one.
        find_recorded: finds the speed in the record of earlier sweeps.
        machine: that is asked for its processors and calibrations; this one if left out.
    """
    machine = machine or this_machine()
    drawn = drawn_trials(spec) or spec.trials()[:1]
    room = slots_of(spec, machine, slots, cap)
    shape = shape_of(drawn[0].model.path)
    speed = shape and speed_of(spec, drawn[0], shape, room, machine, find_recorded)
    works = [(trial, work_of(trial, shape)) for trial in drawn] if shape else []
    num_recipes = -(-spec.num_trials // spec.replicates.seeds)
    num_branches = sum(1 for _ in branches(spec.trial)) or None
    if not shape or not speed:
        rows: list[Row] = [
            Row("time", "s", None, f"the size of {drawn[0].model.path} is not known")
        ]
        parts, options, notes = {}, [], absence(drawn)
    else:
        estimate = Estimate(spec, shape, speed, room, works)
        rows, parts = estimate.rows(price), estimate.parts()
        options, notes = estimate.options(), notes_on(estimate, machine)
    works_alone = [work for _, work in works]
    return Plan(
        spec.name, spec.num_trials, num_recipes, spec.replicates.seeds, num_branches, room,
        _where(spec, machine, room), tuple(rows), parts,
        fmean(trial.train.last_step for trial in drawn),
        fmean(work.num_measurements for work in works_alone) if works_alone else 0.0,
        tuple(options), tuple(notes),
    )  # fmt: skip


def speed_of(
    spec: SweepSpec,
    trial: TrialConfig,
    shape: ModelShape,
    room: Slots,
    machine: Machine,
    find_recorded: FindRecorded,
) -> Speed:
    """Return the best speed that is known: as calibrated here, else as recorded, else what is usual."""
    resources = spec.resources
    is_gpu, cores = resources.gpus_per_trial > 0, resources.cpus_per_process
    size = resources.workers_per_trial
    usual = usual_speed(
        shape, is_gpu=is_gpu, num_cores=cores, dtype=trial.train.dtype, num_processes=size
    )
    device = machine.device(resources)
    calibration: Calibration | None = None
    if device and room.here and size == 1:
        calibration = kept(file_of(machine, trial, room.here, cores, device))
    if calibration is not None:
        return CalibratedSpeed(calibration, usual)
    return find_recorded(spec, usual) or usual


def _where(spec: SweepSpec, machine: Machine, room: Slots) -> str:
    """Return on what a trial runs, in words."""
    resources = spec.resources
    if resources.gpus_per_trial:
        device = machine.device(resources) or "not on this machine"
        return f"{resources.gpus_per_trial:g} GPU each ({device})"
    num_cores = resources.cpus_per_process * resources.workers_per_trial
    return f"{counted(num_cores, 'core')} each ({machine.cpu})"
