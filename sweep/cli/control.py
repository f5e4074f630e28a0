"""The verbs for a sweep that runs, here or on a cluster: they ask, and its driver does.

They find the sweep by its record, so any terminal that reaches the tracking store will do.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from analysis.record.names import LIVE_STATES, Tag
from sweep.cli.options import FAILED, WRONG, Name, TrackingUri, console, leave, store_of

if TYPE_CHECKING:
    from sweep.tracking.mlflow_record import Record

app = typer.Typer()

Trial = Annotated[int | None, typer.Option("--trial", metavar="ID", help="this trial alone")]


@app.command(epilog="Example: sweep status miniature --format json")
def status(
    name: Name,
    tracking_uri: TrackingUri = None,
    format_: Annotated[str, typer.Option("--format", help="table or json")] = "table",
) -> None:
    """Say how far a sweep is, what runs, what has failed, and what its front is worth."""
    if format_ not in ("table", "json"):
        leave(WRONG, f"--format must be table or json, but got {format_!r}.")
    from analysis.record import reader
    from analysis.views import status as standing
    from sweep import workspace
    from sweep.driver.lock import driver_died_here
    from sweep.tracking import outbox

    uri = store_of(tracking_uri, name)
    try:
        sweep = reader.read_sweep(name, tracking_uri=uri)
    except ValueError as error:
        leave(FAILED, str(error))
    if sweep.state in LIVE_STATES and driver_died_here(name, uri):
        sweep = replace(sweep, state="interrupted")
    found = standing.summary(sweep)
    found["undelivered"] = outbox.num_waiting(workspace.folder(name) / "record")
    if format_ == "json":
        print(json.dumps(found, indent=2))
    else:
        console().print(standing.table(found))


@app.command(epilog="Example: sweep pause miniature && sweep resume miniature")
def pause(name: Name, tracking_uri: TrackingUri = None) -> None:
    """Let no new trial begin, until `sweep resume`; running ones go on to their end."""
    from sweep.tracking.requests import request

    request(_that_hears(name, tracking_uri, "paused", states=("running", "paused")), "pause")
    print(f"no new trial of {name} begins; `sweep resume {name}` goes on.")


@app.command(epilog="Example: sweep stop miniature")
def stop(name: Name, tracking_uri: TrackingUri = None) -> None:
    """Let the running trials finish, and end the sweep with them."""
    from sweep.tracking.requests import request

    request(_that_hears(name, tracking_uri, "stopped", states=LIVE_STATES[:3]), "stop")
    print(f"{name} ends with its running trials; `sweep resume {name}` would run the rest.")


@app.command(epilog="Example: sweep cancel miniature --trial 7")
def cancel(name: Name, tracking_uri: TrackingUri = None, trial: Trial = None) -> None:
    """End a sweep now, so that it can be resumed; or end one trial, which then counts as failed."""
    from sweep.tracking.requests import cancel_trials, request

    record = _that_hears(name, tracking_uri, "cancelled")
    if trial is None:
        request(record, "cancel")
        print(f"{name} ends now; `sweep resume {name}` would go on from here.")
        return
    if trial not in (running := _trials(record, "running")):
        others = f"running are {', '.join(map(str, running))}" if running else "none is running"
        leave(WRONG, f"--trial must be a running trial of {name}, but got {trial}: {others}.")
    cancel_trials(record, frozenset([trial]))
    print(f"trial {trial} of {name} ends now.")


@app.command(epilog="Example: sweep retry miniature && sweep resume miniature")
def retry(name: Name, tracking_uri: TrackingUri = None, trial: Trial = None) -> None:
    """Have failed trials run again: each as a trial of its own, with the same parameters."""
    from analysis.record import reader
    from sweep.tracking.requests import retry_trials

    uri = store_of(tracking_uri, name)
    record = _record(name, uri)
    again = {run.data.tags.get(Tag.RETRY_OF) for run in record.trial_runs()}
    failed = [number for number in _trials(record, "failed") if str(number) not in again]
    if trial is not None and trial not in failed:
        others = f"failed are {', '.join(map(str, failed))}" if failed else "none has failed"
        leave(WRONG, f"--trial must be a failed trial of {name}, but got {trial}: {others}.")
    chosen = frozenset(failed if trial is None else [trial])
    if not chosen:
        leave(FAILED, f"no trial of {name} has failed that was not tried again.")
    retry_trials(record, chosen)
    several = f"{len(chosen)} trials are" if len(chosen) > 1 else "1 trial is"
    then = (
        ""
        if reader.read_state(name, tracking_uri=uri) in LIVE_STATES
        else f" by `sweep resume {name}`"
    )
    print(f"{several} tried again{then}.")


@app.command(epilog="Example: sweep sync miniature")
def sync(name: Name, tracking_uri: TrackingUri = None) -> None:
    """Deliver what a sweep could not record, because the tracking server was away as it ended."""
    from sweep import workspace
    from sweep.cli import live
    from sweep.driver.running import CannotRun
    from sweep.driver.sync import sync as deliver
    from sweep.tracking import addresses
    from trainables.schema.yaml_file import SpecError

    if not (workspace.folder(name) / "record").is_dir():
        leave(
            WRONG, f"no sweep named {name!r} was run here: {workspace.folder(name)} has no record."
        )
    try:
        delivered, refused, has_ended = deliver(
            name, tracking_uri=tracking_uri, on_delivered=live.last_front
        )
    except (addresses.BadAddress, CannotRun, SpecError) as error:
        leave(FAILED, str(error))
    if refused:
        where = workspace.folder(name) / "record" / "refused.jsonl"
        leave(FAILED, f"{delivered} entries taken up; MLflow refused {refused}, see {where}.")
    entries = "1 entry" if delivered == 1 else f"{delivered} entries"
    if has_ended:
        print(f"{entries} delivered; the record of {name} is complete.")
    else:
        print(f"{entries} delivered; {name} has not ended: `sweep resume {name}` goes on.")


def unpause(name: str, tracking_uri: str) -> bool:
    """Let a paused sweep go on; whether it was one."""
    from analysis.record import reader
    from sweep.driver.lock import driver_died_here
    from sweep.tracking.requests import request

    try:
        state = reader.read_state(name, tracking_uri=tracking_uri)
    except ValueError:  # whoever resumes it says what is wrong
        return False
    if state != "paused" or driver_died_here(name, tracking_uri):
        return False
    request(_record(name, tracking_uri), "go")
    print(f"{name} goes on.")
    return True


def _that_hears(
    name: str, tracking_uri: str | None, done: str, states: Sequence[str] = LIVE_STATES
) -> Record:
    from analysis.record import reader
    from sweep.driver.lock import driver_died_here

    uri = store_of(tracking_uri, name)
    record = _record(name, uri)
    state = reader.read_state(name, tracking_uri=uri)
    if state in LIVE_STATES and driver_died_here(name, uri):
        state = "interrupted"
    if state not in states:
        leave(FAILED, f"{name} must be running to be {done}, but is {state}.")
    return record


def _record(name: str, uri: str) -> Record:
    from analysis.record import reader
    from sweep.tracking import sweeps

    try:
        reader.read_state(name, tracking_uri=uri)  # says in a sentence what is wrong
    except ValueError as error:
        leave(FAILED, str(error))
    record = sweeps.find_sweep(uri, name)
    assert record is not None
    return record


def _trials(record: Record, state: str) -> list[int]:
    from analysis.record import reader

    trials = reader.read_sweep(record.sweep, tracking_uri=record.tracking_uri).trials
    return [int(number) for number in trials.loc[trials["state"] == state, "trial"]]
