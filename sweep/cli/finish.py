"""Run a sweep from the command line, and turn its end into a last sentence and an exit code."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from analysis.record.names import SweepState, TrialState
from sweep.cli.options import FAILED, INTERRUPTED, WRONG, console, leave
from trainables.cli.streams import encodable, say
from trainables.schema.counted import counted

if TYPE_CHECKING:
    from sweep.config.spec import SweepSpec
    from sweep.driver.cluster.watch import OnLost
    from sweep.driver.running_sweep import OnStart, RunningSweep
    from sweep.tracking.mlflow_record import Record


def run_to_last_word(
    spec: SweepSpec, start: Callable[[OnStart, OnLost], Record], *, is_new: bool = False
) -> None:
    """Run a sweep, then print its front and the names of its files.

    Args:
        start: runs the sweep to its end and returns its record. Its arguments are the functions that
            it must call when trials are about to begin, and when Ray has gone.
        is_new: whether it begins the sweep, and does not go on with one.

    Raises:
        SystemExit: the sweep did not end well, with an exit code of sweep/cli/options.py; a sentence on
            stderr says why, and how to go on.
    """
    from sweep.cli import live_display
    from sweep.config import preflight
    from sweep.driver import interrupts
    from sweep.driver.running_sweep import CannotRun, Stopped
    from sweep.tracking import sweeps
    from sweep.tracking.store import addresses
    from trainables.assets.errors import AssetError

    started: list[RunningSweep] = []
    of_us = (CannotRun, preflight.DoNotFit, sweeps.SweepExists)
    refusals = (*of_us, AssetError, addresses.BadAddress)
    before = _Before(is_new, *_journal_of(spec))
    with ExitStack() as signals:
        ctrl_c = signals.enter_context(interrupts.raising_ctrl_c())

        def on_start(running: RunningSweep) -> list[Any]:
            signals.enter_context(interrupts.while_trials_run(ctrl_c))
            started.append(running)
            return live_display.callbacks(running)

        def on_lost(reason: str) -> int:
            console().show_cursor(True)  # the progress hides it
            say(_how_to_go_on(spec, reason, before))
            return INTERRUPTED

        try:
            record = start(on_start, on_lost)
            _show_end(spec, record)
            ended = [outcome for one in started for outcome in one.new_outcomes.values()]
            if any(outcome.input_changed for outcome in ended):
                raise SystemExit(FAILED)
        except KeyboardInterrupt:
            leave(INTERRUPTED, _how_to_go_on(spec, "interrupted", before))
        except Exception as error:
            if isinstance(error, Stopped):
                leave(INTERRUPTED, _how_to_go_on(spec, error.why, before))
            if ctrl_c.pressed:  # a library has made an error of KeyboardInterrupt
                leave(INTERRUPTED, _how_to_go_on(spec, "interrupted", before))
            if isinstance(error, refusals):
                leave(WRONG, str(error))
            raise


class _Before(NamedTuple):
    """What was there of a sweep when this process began.

    is_new: whether the process begins the sweep anew.
    version: what differs once the journal of its record is another; None if there was none.
    size: number of bytes of that journal.
    """

    is_new: bool
    version: tuple[int, int] | None
    size: int


def _journal_of(spec: SweepSpec) -> tuple[tuple[int, int] | None, int]:
    """Return (version, size) of the journal of a sweep's record, as _Before has them."""
    from sweep import workspace
    from sweep.tracking.journal.journal import JOURNAL

    file = workspace.outbox(spec.name) / JOURNAL
    if not file.exists():
        return None, 0
    status = file.stat()
    return (status.st_ino, status.st_mtime_ns), status.st_size


def _how_to_go_on(spec: SweepSpec, why: str, before: _Before) -> str:
    """Return the last sentence about a sweep that was interrupted.

    why: the reason, in words.
    """
    from sweep import workspace
    from sweep.tracking import outbox

    folder = workspace.outbox(spec.name)
    version, size = _journal_of(spec)
    if before.is_new and version and version == before.version:
        return f"{why} before anything of the earlier sweep {spec.name} was changed."
    is_shorter = size < before.size  # it is another journal
    if outbox.has_ended(folder, since=0 if is_shorter else before.size):
        return f"{spec.name} has ended all the same; {_next_command(spec)}."
    if folder.is_dir():
        return f"{why}; `sweep resume {spec.name}` goes on from here."
    return f"{why} before any trial began; `sweep run --replace` starts anew."


def _next_command(spec: SweepSpec) -> str:
    """Return a clause with the next command for a sweep that has ended: `sweep sync` or `front`."""
    from sweep import workspace
    from sweep.tracking import outbox

    if num := outbox.num_waiting(workspace.outbox(spec.name)):
        return (
            f"MLflow lacks {counted(num, 'entry', 'entries')} of its record: `sweep sync {spec.name}` "
            f"delivers {'it' if num == 1 else 'them'} once it can be reached"
        )
    return f"`sweep front {spec.name}` shows its front"


def warn_of_refused(name: str) -> None:
    """Print to the standard error how many entries of a sweep's record MLflow has refused, if any."""
    from sweep import workspace
    from sweep.tracking.refused import REFUSED, num_refused

    folder = workspace.outbox(name)
    if num := num_refused(folder):
        entries = counted(num, "entry of the record", "entries of the record")
        say(
            f"MLflow has refused {entries}, which {'stays' if num == 1 else 'stay'} here: "
            f"{folder / REFUSED} says why; `sweep sync {name}` tries files again."
        )


def _show_end(spec: SweepSpec, record: Record) -> None:
    """Print the front of a sweep that has ended, and write its files.

    Raises:
        SystemExit: MLflow lacks a part of its record or does not give it, results are lost, or no trial
            is complete. A sentence says which, of lost results another one has.
    """
    from sweep import workspace
    from sweep.tracking import outbox
    from sweep.tracking.store import errors as store_errors

    if outbox.num_waiting(workspace.outbox(spec.name)):
        leave(FAILED, f"{spec.name} has ended, but {_next_command(spec)}.")
    warn_of_refused(spec.name)
    from analysis.record import reader
    from analysis.record.mlflow_client import OtherContent
    from analysis.views import export, front_table

    try:
        sweep = reader.read_sweep(spec.name, tracking_uri=record.tracking_uri)
        any_complete = bool((sweep.trials["state"] == TrialState.COMPLETE).any())
        folder = workspace.folder(spec.name) / workspace.FRONT
        paths = export.write(sweep, folder) if any_complete else []
    except OtherContent as error:
        leave(FAILED, f"{spec.name} has ended; {error}")
    except Exception as error:
        if not store_errors.is_of_store(error):
            raise
        why = f"its front cannot be read ({store_errors.reason(error)})"
        leave(FAILED, f"{spec.name} has ended, but {why}: {_next_command(spec)}.")
    console().print(front_table.table(sweep))
    failures = _failures(sweep.trials[~sweep.trials["trial"].isin(sweep.retried)])
    if not any_complete and failures:
        leave(FAILED, f"no trial was completed: {failures}")
    if failures:
        say(f"failed: {failures}; `sweep retry {spec.name}`")
    if sweep.state == SweepState.STOPPED:
        say(f"stopped; `sweep resume {spec.name}` runs the rest.")
    for path in paths:
        is_below = path.resolve().is_relative_to(Path.cwd())
        print(encodable(os.path.relpath(path) if is_below else str(path.resolve())))
    if sweep.lost:  # which were said before trials began (sweep/driver/loop.py)
        raise SystemExit(FAILED)


def _failures(trials: Any) -> str:
    """Return each reason for which trials failed, with the number of them; empty if none failed.

    trials: rows of the table `Sweep.trials`.
    """
    counts = trials.loc[trials["state"] == TrialState.FAILED, "failure"].value_counts()
    return "; ".join(f"{failure} ({counted(count, 'trial')})" for failure, count in counts.items())
