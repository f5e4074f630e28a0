"""The verb that says what a sweep will spend before it is started: plan."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from sweep.cli.options import (
    FAILED,
    WRONG,
    Format,
    HarnessTasks,
    Spec,
    leave,
    load_spec,
    use_harness_tasks,
)
from trainables.cli.streams import say
from trainables.schema.counted import counted

if TYPE_CHECKING:
    from sweep.config.spec import SweepSpec
    from sweep.planning.plan import Plan
    from trainables.schema.yaml_file import Document

app = typer.Typer()


@app.command(epilog="Example: sweep plan sweep/specs/smollm2.yaml --slots 4")
def plan(
    spec: Spec,
    slots: Annotated[
        int | None,
        typer.Option(
            min=1, help="trials at once; resources.at_once, or what fits here, if left out"
        ),
    ] = None,
    price_per_hour: Annotated[
        float | None,
        typer.Option(min=0, help="of an accelerator, or of a slot of CPUs if a trial has none"),
    ] = None,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="first measure here how long a few steps take")
    ] = False,
    format_: Annotated[Format, typer.Option("--format", help="table or json")] = Format.TABLE,
    harness_tasks: HarnessTasks = None,
) -> None:
    """Say what a sweep will spend, before it is started: time, memory, disk, money, with ranges."""
    if format_ is Format.CSV:
        leave(WRONG, "--format must be table or json for a plan, but got csv.")
    use_harness_tasks(harness_tasks)
    checked, document = load_spec(spec)
    if calibrate:
        calibrate_for(checked, document, slots)
    found = plan_of(checked, slots=slots, price_per_hour=price_per_hour)
    if format_ is Format.JSON:
        from sweep.planning.table import as_json

        print(json.dumps(as_json(found), indent=2))
    else:
        print(table_of(found))


def plan_of(
    spec: SweepSpec,
    *,
    slots: int | None = None,
    cap: int | None = None,
    price_per_hour: float | None = None,
) -> Plan:
    """Return what a sweep will spend, by what was calibrated or recorded on this machine.

    Args:
        slots: trials at once; those of the spec, or as many as fit here, if left out.
        cap: the most trials at once, whatever the spec says.
        price_per_hour: of an accelerator, or of a slot without one.
    """
    from sweep.cli.planning.recorded import recorded_speed
    from sweep.planning.plan import make_plan

    return make_plan(spec, slots=slots, cap=cap, price=price_per_hour, find_recorded=recorded_speed)


def table_of(plan: Plan) -> str:
    """Return a plan as a table of at most 80 columns."""
    from sweep.planning.table import lines

    return "\n".join(lines(plan))


def calibrate_for(spec: SweepSpec, document: Document, slots: int | None = None) -> None:
    """Measure a few steps of the trials of a spec and one evaluation, and keep what was found.

    Models and data are fetched if need be. It takes minutes, and says so on stderr.

    Raises:
        SystemExit: no trial of the spec can be run on this machine; a sentence on stderr says why.
    """
    from sweep.config import preflight
    from sweep.planning.calibration import calibrate, kept
    from sweep.planning.machine import this_machine
    from sweep.planning.slots import slots_of
    from sweep.planning.work.shapes import shape_of
    from trainables.assets.errors import AssetError

    machine, resources = this_machine(), spec.resources
    if resources.workers_per_trial > 1:
        leave(
            WRONG,
            f"--calibrate must have trials of one process, but resources.workers_per_trial is "
            f"{resources.workers_per_trial}: plan without it, or calibrate a spec with one.",
        )
    here, device = slots_of(spec, machine, slots).here, machine.device(resources)
    if not here or not device:
        leave(
            WRONG,
            f"--calibrate must run a trial on this machine, but one takes "
            f"{counted(resources.cpus_per_process, 'CPU')} and {resources.gpus_per_trial:g} GPU, and "
            f"there are {machine.num_cpus} and {len(machine.gpus)}: calibrate where the sweep runs.",
        )
    try:
        preflight.prepare(spec, document)
    except (preflight.DoNotFit, AssetError) as error:
        leave(WRONG, str(error))
    first = spec.trials()[0]
    shape = shape_of(first.model.path)
    assert shape is not None, "its files are here"
    trials = calibrate.trials_to_measure(spec.trials())
    num = min(here, calibrate.MAX_PROCESSES)
    say(
        f"calibrating: steps of {counted(len(trials), 'trial')} and one evaluation, by {num} "
        f"{'process' if num == 1 else 'processes at once'}."
    )
    cores = resources.cpus_per_process
    try:
        found = calibrate.calibrate(
            trials, shape, at_once=here, num_cores=cores, gpus_per_trial=resources.gpus_per_trial
        )
        kept.keep(found, kept.file_of(machine, first, here, cores, device))
    except calibrate.CannotCalibrate as error:
        leave(FAILED, str(error))
    except OSError as error:
        leave(FAILED, f"what was measured cannot be kept in the cache folder: {error}.")
