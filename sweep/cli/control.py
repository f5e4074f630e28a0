"""The verbs for a sweep that runs: status, pause, stop, cancel, retry, and sync for one that has run.

They write requests into the record of the sweep, and its driver, here or on a cluster, carries them
out (sweep/driver/listener.py). So they work from any terminal that reaches the tracking store.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analysis.record.names import LIVE_STATES, SweepState, Tag, TrialState
from sweep.cli.finish import warn_of_refused
from sweep.cli.options import (
    FAILED,
    WRONG,
    Insecure,
    JobsAddress,
    Name,
    TableOrJson,
    TrackingUri,
    console,
    known_jobs_address,
    leave,
    others,
    reading,
    store_of,
    trial_number,
    use_harness_tasks,
)
from trainables.cli.streams import say
from trainables.schema.counted import counted, listed
from trainables.schema.text.shown import MAX_NAME, as_word

if TYPE_CHECKING:
    from sweep.tracking.mlflow_record import Record

app = typer.Typer()

MAX_NAMED = 5  # files that a sentence lists


Trial = Annotated[
    int | None,
    typer.Option(
        "--trial", metavar="ID", parser=trial_number, help="number of the one trial to act on"
    ),
]


@app.command(epilog="Example: sweep status miniature --format json")
def status(
    name: Name,
    tracking_uri: TrackingUri = None,
    format_: Annotated[TableOrJson, typer.Option("--format")] = TableOrJson.TABLE,
    address: JobsAddress = None,
    insecure: Insecure = False,
) -> None:
    """Show the progress of a sweep, its running and failed trials, and the worth of its front."""
    from analysis.record import reader
    from analysis.views.status import job_alone, summary
    from sweep import workspace
    from sweep.driver.liveness import state_here
    from sweep.tracking import outbox
    from sweep.tracking.refused import num_refused
    from sweep.tracking.store import errors as store_errors

    uri = store_of(tracking_uri, name)
    job = _job(name, address)
    try:
        sweep = reader.read_sweep(name, tracking_uri=uri)
        tree = summary(replace(sweep, state=state_here(name, uri, sweep.state)))
    except ValueError as error:
        if store_errors.is_of_store(error):
            raise
        if job is None:
            leave(WRONG, str(error))
        say(str(error))
        _print(job_alone(name, job), format_)
        return
    tree["job"] = job
    tree["undelivered"] = outbox.num_waiting(workspace.outbox(name))
    tree["refused"] = num_refused(workspace.outbox(name))
    _print(tree, format_)


def _print(tree: dict[str, Any], format_: TableOrJson) -> None:
    """Print a status: a tree of `summary`, or of `job_alone`."""
    from analysis.views.status import table

    if format_ is TableOrJson.JSON:
        print(json.dumps(tree, indent=2))
    else:
        console().print(table(tree))


def _job(name: str, address: str | None) -> dict[str, Any] | None:
    """Return the newest job of a sweep; None if it was run here, or no known cluster has one."""
    from sweep import workspace

    known_address = known_jobs_address(address)
    if known_address is None or (address is None and workspace.spec(name).is_file()):
        return None
    from sweep.cli.cluster_verbs.job_tree import job_of_sweep

    return job_of_sweep(name, known_address)


@app.command(epilog="Example: sweep pause miniature && sweep resume miniature")
def pause(name: Name, tracking_uri: TrackingUri = None) -> None:
    """Start no new trial until `sweep resume`; running ones go on to their end."""
    from sweep.tracking.control_requests import request

    states = (SweepState.RUNNING, SweepState.PAUSED)
    request(_live_record(name, tracking_uri, "paused", states=states), "pause")
    print(f"no new trial of {name} begins; `sweep resume {name}` goes on.")


@app.command(epilog="Example: sweep stop miniature")
def stop(name: Name, tracking_uri: TrackingUri = None) -> None:
    """Let the running trials finish, then end the sweep."""
    from sweep.tracking.control_requests import request

    states = (SweepState.RUNNING, SweepState.PAUSED, SweepState.STOPPING)
    request(_live_record(name, tracking_uri, "stopped", states=states), "stop")
    print(f"{name} ends with its running trials; `sweep resume {name}` would run the rest.")


@app.command(epilog="Example: sweep cancel miniature --trial 7")
def cancel(name: Name, tracking_uri: TrackingUri = None, trial: Trial = None) -> None:
    """End a sweep now (it can be resumed), or end one trial, which then counts as failed."""
    from sweep.tracking.control_requests import cancel_trials, request

    record = _live_record(name, tracking_uri, "cancelled")
    if trial is None:
        request(record, "cancel")
        print(f"{name} ends now; `sweep resume {name}` would go on from here.")
        return
    if trial not in (running := _trials(record, TrialState.RUNNING)):
        choice = f"running are {listed(running)}" if running else "none is running"
        leave(WRONG, f"--trial must be a running trial of {name}, but got {trial}: {choice}.")
    cancel_trials(record, frozenset([trial]))
    print(f"trial {trial} of {name} ends now, unless it completes first.")


@app.command(epilog="Example: sweep retry miniature && sweep resume miniature")
def retry(name: Name, tracking_uri: TrackingUri = None, trial: Trial = None) -> None:
    """Run failed and lost trials again, each as a new trial with the same parameters."""
    from analysis.record import reader
    from sweep.tracking.control_requests import retry_trials

    uri = store_of(tracking_uri, name)
    record, _ = _record_and_state(name, uri)
    already_retried = {run.data.tags.get(Tag.RETRY_OF) for run in record.trial_runs()}
    ended = _trials(record, TrialState.FAILED, TrialState.LOST)
    failed = [number for number in ended if str(number) not in already_retried]
    if trial is not None and trial not in failed:
        choice = f"failed are {listed(failed)}" if failed else "none has failed"
        leave(WRONG, f"--trial must be a failed trial of {name}, but got {trial}: {choice}.")
    numbers = frozenset(failed if trial is None else [trial])
    if not numbers:
        leave(FAILED, f"no trial of {name} has failed that was not tried again.")
    retry_trials(record, numbers)
    trials = counted(len(numbers), "trial is", "trials are")
    # Read after the request: a sweep that ended before it does not carry it out.
    is_live = reader.read_state(name, tracking_uri=uri) in LIVE_STATES
    print(f"{trials} tried again{'' if is_live else f' by `sweep resume {name}`'}.")


@app.command(epilog="Example: sweep sync miniature")
def sync(name: Name, tracking_uri: TrackingUri = None) -> None:
    """Deliver to MLflow what a sweep could not record because the tracking server was away."""
    from sweep import workspace
    from sweep.cli import live_display
    from sweep.config.preflight import DoNotFit
    from sweep.driver.running_sweep import CannotRun, Undelivered
    from sweep.driver.sync import sync as deliver
    from sweep.search.mending import lost_sentence
    from sweep.tracking.store import addresses
    from trainables.schema.yaml_file import SpecError

    folder = workspace.folder(name)
    if not workspace.outbox(name).is_dir():
        if workspace.spec(name).is_file():
            leave(
                WRONG,
                f"{as_word(workspace.outbox(name), MAX_NAME)} must hold the journal of {name}, but is "
                f"gone: put a copy back, or `sweep resume {name}` records what its search knows.",
            )
        leave(
            WRONG,
            f"no sweep named {name!r} was run here: {as_word(folder, MAX_NAME)} has no record."
            f"{others()}",
        )
    use_harness_tasks(workspace.harness_tasks(name))
    try:
        synced = deliver(name, tracking_uri=tracking_uri, on_delivered=live_display.draw_last_front)
    except Undelivered as error:
        leave(FAILED, str(error))
    except (addresses.BadAddress, CannotRun, DoNotFit, SpecError) as error:
        leave(WRONG, str(error))
    num = synced.num_delivered
    entries = counted(num, "entry", "entries")
    warn_of_refused(name)
    if synced.gone:
        print(
            f"{counted(len(synced.gone), 'file')} went with the store that had taken "
            f"{'it' if len(synced.gone) == 1 else 'them'}: "
            f"{', '.join(synced.gone[:MAX_NAMED])}{' …' if len(synced.gone) > MAX_NAMED else ''}.",
            file=sys.stderr,
        )
    if synced.lost:
        say(lost_sentence(name, synced.lost))
    if not synced.has_ended:
        print(f"{entries} delivered; {name} has not ended: `sweep resume {name}` goes on.")
    elif synced.num_refused or synced.gone or synced.lost:
        print(f"{entries} delivered; the record of {name} has all else.")
    elif not synced.is_compared:
        print(f"{entries} delivered; whether the record of {name} is complete is not known.")
    else:
        print(f"{entries} delivered; the record of {name} is complete.")
    if synced.lost:
        raise SystemExit(FAILED)


def unpause(name: str, tracking_uri: str) -> bool:
    """Let a paused sweep whose driver runs go on; return whether it was one."""
    from analysis.record import reader
    from sweep.driver.liveness import state_here
    from sweep.tracking import sweeps
    from sweep.tracking.control_requests import request

    try:
        state = reader.read_state(name, tracking_uri=tracking_uri)
        record = sweeps.recorded_sweep(tracking_uri, name)
    except ValueError:  # `sweep resume` itself then says what is wrong
        return False
    if state_here(name, tracking_uri, state) != SweepState.PAUSED:
        return False
    request(record, "go")
    print(f"{name} goes on.")
    return True


def _live_record(
    name: str, tracking_uri: str | None, participle: str, states: Sequence[str] = LIVE_STATES
) -> Record:
    """Return the record of a sweep whose driver will read a request.

    Args:
        participle: what the request makes of the sweep, such as `paused`; for the error message.
        states: states of a sweep that allow the request.

    Raises:
        SystemExit: there is no such sweep, or it is in another state.
    """
    from sweep.driver.liveness import state_here

    uri = store_of(tracking_uri, name)
    record, recorded_state = _record_and_state(name, uri)
    state = state_here(name, uri, recorded_state)
    if state not in states:
        leave(FAILED, f"{name} must be running to be {participle}, but is {state}.")
    return record


def _record_and_state(name: str, uri: str) -> tuple[Record, str]:
    """Return the record of a sweep in the store at this address, and the state that it has there.

    Raises:
        SystemExit: the store cannot be read, or has no such sweep.
    """
    from analysis.record import reader
    from sweep.tracking import sweeps

    with reading():  # its error names the sweeps that there are
        state = reader.read_state(name, tracking_uri=uri)
        record = sweeps.recorded_sweep(uri, name)
    return record, state


def _trials(record: Record, *states: str) -> list[int]:
    """Return the numbers of a sweep's trials that are in one of these states."""
    from analysis.record import reader

    trials = reader.read_sweep(record.sweep, tracking_uri=record.tracking_uri).trials
    return [int(number) for number in trials.loc[trials["state"].isin(states), "trial"]]
