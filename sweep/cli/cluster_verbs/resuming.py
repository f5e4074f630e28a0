"""`sweep resume` for a sweep that a cluster has run: another job there goes on with it."""

from __future__ import annotations

from analysis.record.names import LIVE_STATES
from sweep.cli.options import FAILED, WRONG, known_jobs_address, leave, reading
from trainables.cli.streams import say


def job_api_for(name: str, address: str | None) -> str | None:
    """Return the job API of the cluster that is to resume a sweep; None if it is resumed here.

    It is resumed here if it was run here, or is to run on a cluster that a driver here joins.

    address: as the user has named it.
    """
    from sweep import workspace

    if address and address.startswith(("http://", "https://")):
        return known_jobs_address(address)
    return None if address or workspace.spec(name).is_file() else known_jobs_address(None)


def say_if_gone(name: str, address: str) -> None:
    """Print to stderr if no job of a sweep that is to go on runs on a cluster that can be asked.

    The record counts a driver as alive for a minute after its last sign.

    address: of the job API.
    """
    from sweep.remote import job_api

    try:
        with job_api.reaching(address, "does not say how its jobs stand") as client:
            jobs = job_api.jobs(client)
    except job_api.Unreachable as error:
        say(str(error))
        return
    if not any(job.sweep == name and not job.kind and not job.is_over for job in jobs):
        say(
            f"but the cluster runs no job of {name}: its driver may be gone, and `sweep resume {name}` "
            f"a minute from now starts another job."
        )


def resume_there(
    name: str,
    store: str,
    tracking_uri: str | None,
    storage: str | None,
    address: str,
    at_once: int | None,
) -> None:
    """Have a cluster go on with a sweep that it has run, and print the id of the job.

    Args:
        store: the address of MLflow in which the sweep is recorded.
        tracking_uri, storage: addresses that the user has named for the job.
        address: of the job API.
        at_once: the most trials at once; None: as the spec says.

    Raises:
        SystemExit: there is no such sweep, it runs, or the cluster does not take the job.
    """
    from dataclasses import replace

    from analysis.record import reader
    from sweep.cli.cluster_verbs.passed_on import options_of
    from sweep.remote import job_api, jobs
    from sweep.remote.shipped import Shipped

    with reading():
        state = reader.read_state(name, tracking_uri=store)
    if state in LIVE_STATES:
        leave(
            WRONG, f"{name} must have ended to be resumed, but is {state}: `sweep status {name}`."
        )
    options = replace(options_of(tracking_uri, storage, no_diff=False), at_once=at_once)
    try:
        job = jobs.submit(name, Shipped(), options, address=address, resume=True)
    except (job_api.Unreachable, job_api.KnownSweep) as error:
        leave(WRONG, str(error))
    except job_api.NotKnown as error:
        leave(FAILED, str(error))
    print(f"submitted as {job}; `sweep logs -f {name}` follows it.")
