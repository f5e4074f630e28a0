"""Run a sweep from the command line, and turn whatever ended it into its last words and exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.cli.options import FAILED, INTERRUPTED, WRONG, console, leave

if TYPE_CHECKING:
    from sweep.config.spec import SweepSpec
    from sweep.driver.running import OnStart, RunningSweep
    from sweep.tracking.mlflow_record import Record


def run_to_last_word(spec: SweepSpec, start: Callable[[OnStart], Record]) -> None:
    """Run a sweep, then print its front and the names of its files.

    start: runs the sweep and returns its record; it is given what is to be called as trials begin.

    Raises:
        SystemExit: it did not end well; a sentence on stderr says how, the exit code what kind of end.
    """
    from sweep import workspace
    from sweep.cli import live
    from sweep.config import preflight
    from sweep.driver import interrupts
    from sweep.driver.running import CannotRun, Stopped
    from sweep.tracking import addresses, outbox, sweeps
    from trainables.assets.errors import AssetError

    size_before = outbox.journal_size(workspace.folder(spec.name) / "record")
    with ExitStack() as signals:
        ctrl_c = signals.enter_context(interrupts.before_trials())

        def on_start(running: RunningSweep) -> list[Any]:
            signals.enter_context(interrupts.while_trials_run(ctrl_c))
            return live.callbacks(running)

        try:
            record = start(on_start)
            _show_end(spec, record)
        except (preflight.DoNotFit, sweeps.SweepExists, addresses.BadAddress, CannotRun) as error:
            leave(WRONG, str(error))
        except AssetError as error:
            leave(FAILED, str(error))
        except Stopped as stopped:
            leave(INTERRUPTED, _how_to_go_on(spec, stopped.why, size_before))
        except KeyboardInterrupt:
            leave(INTERRUPTED, _how_to_go_on(spec, "interrupted", size_before))


def _how_to_go_on(spec: SweepSpec, why: str, size_before: int) -> str:
    """Return the last sentence of a sweep that was interrupted.

    size_before: of the journal of its record, in bytes, as this process began.
    """
    from sweep import workspace
    from sweep.tracking import outbox

    folder = workspace.folder(spec.name) / "record"
    if outbox.has_ended(folder, since=size_before):
        return f"{spec.name} has ended all the same; {_what_is_left(spec)}."
    if folder.is_dir():
        return f"{why}; `sweep resume {spec.name}` goes on from here."
    return f"{why} before any trial began; `sweep run --replace` starts anew."


def _what_is_left(spec: SweepSpec) -> str:
    """Return what there is to do for a sweep that has ended: deliver its record, or see its front."""
    from sweep import workspace
    from sweep.tracking import outbox

    if num := outbox.num_waiting(workspace.folder(spec.name) / "record"):
        return (
            f"MLflow lacks {num} entries of its record: `sweep sync {spec.name}` delivers them once "
            f"it can be reached"
        )
    return f"`sweep front {spec.name}` shows its front"


def _show_end(spec: SweepSpec, record: Record) -> None:
    from sweep import workspace
    from sweep.tracking import outbox

    if outbox.num_waiting(workspace.folder(spec.name) / "record"):
        leave(FAILED, f"{spec.name} has ended, but {_what_is_left(spec)}.")
    from analysis.record import reader
    from analysis.views import export, front_table

    sweep = reader.read_sweep(spec.name, tracking_uri=record.tracking_uri)
    console().print(front_table.table(sweep))
    if not (sweep.trials["state"] == "complete").any():
        leave(FAILED, f"no trial was completed: {_failures(sweep.trials)}")
    if failures := _failures(sweep.trials):
        print(f"failed: {failures}; `sweep retry {spec.name}`", file=sys.stderr)
    if sweep.state == "stopped":
        print(f"stopped; `sweep resume {spec.name}` runs the rest.", file=sys.stderr)
    for path in export.write(sweep, workspace.folder(spec.name) / "front"):
        inside = path.resolve().is_relative_to(Path.cwd())
        print(os.path.relpath(path) if inside else path.resolve())


def _failures(trials: Any) -> str:
    counts = trials.loc[trials["state"] == "failed", "failure"].value_counts()
    return "; ".join(
        f"{failure} ({count} trial{'s' if count > 1 else ''})" for failure, count in counts.items()
    )
