"""The verb that hands a sweep to a Ray cluster: submit."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from sweep.cli.cluster_verbs import confirmation, following, passed_on, queue_calls
from sweep.cli.options import (
    FAILED,
    WRONG,
    HarnessTasks,
    Insecure,
    JobsAddress,
    NoDiff,
    Spec,
    jobs_address,
    leave,
    load_spec,
    use_harness_tasks,
)

if TYPE_CHECKING:
    from sweep.remote.jobs import Options
    from sweep.remote.shipped import Shipped

app = typer.Typer()


@app.command(epilog="Example: sweep submit smollm2.yaml --address http://127.0.0.1:8265 --follow")
def submit(
    spec: Spec,
    address: JobsAddress = None,
    insecure: Insecure = False,
    tracking_uri: Annotated[
        str | None,
        typer.Option(
            envvar="MLFLOW_TRACKING_URI",
            show_envvar=True,
            help="MLflow as the cluster reaches it; the cluster's default if left out",
        ),
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            envvar="OPTUNA_STORAGE",
            show_envvar=True,
            help="database of the search as the cluster reaches it; the cluster's default if left out",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="go on with the sweep instead of starting it")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="print the log until the sweep ends")
    ] = False,
    no_diff: NoDiff = False,
    harness_tasks: HarnessTasks = None,
    yes: Annotated[bool, typer.Option("--yes", help="submit without asking")] = False,
    queue: Annotated[
        bool, typer.Option("--queue", help="have it wait for its turn in the cluster's queue")
    ] = False,
    priority: Annotated[
        int,
        typer.Option(min=-1000, max=1000, help="in the queue sweeps of a higher one begin first"),
    ] = 0,
    cap: Annotated[
        int | None, typer.Option(min=1, help="the most trials at once, whatever the spec says")
    ] = None,
) -> None:
    """Hand a sweep to a Ray cluster, where it runs on without this machine."""
    if queue and follow:
        leave(
            WRONG, "--follow must be left out with --queue: `sweep logs -f NAME` follows it later."
        )
    if priority and not queue:
        leave(WRONG, "--priority must stand with --queue: a sweep out of the queue begins at once.")
    use_harness_tasks(harness_tasks)
    checked, document = load_spec(spec)
    jobs_api = jobs_address(address)
    options = replace(passed_on.options_of(tracking_uri, storage, no_diff=no_diff), at_once=cap)
    from sweep.remote import job_api, jobs, shipped

    try:
        cargo = shipped.shipped(checked, document.text, harness_tasks)
    except shipped.NotShipped as error:
        leave(WRONG, str(error))
    confirmation.show(checked, cargo, options, jobs_api)
    confirmation.confirm(
        yes, None if queue else partial(_refuse_known, checked.name, resume, jobs_api)
    )
    if queue:
        queue_calls.submit_to_queue(
            checked.name, cargo, _words(cargo, options, priority, resume), jobs_api
        )
        return
    try:
        job = jobs.submit(checked.name, cargo, options, address=jobs_api, resume=resume)
    except (job_api.Unreachable, job_api.KnownSweep) as error:
        leave(WRONG, str(error))
    except job_api.NotKnown as error:
        leave(FAILED, str(error))
    print(f"submitted as {job}", flush=True)
    if follow:
        following.follow_job(checked.name, job, jobs_api)


def _refuse_known(name: str, resume: bool, address: str) -> None:
    """Leave with a sentence if the cluster cannot be reached, or knows a sweep.

    resume: whether to go on with it.
    """
    from sweep.remote import job_api

    try:
        with job_api.reaching(address, "does not say how its jobs stand") as client:
            job_api.refuse_known(job_api.jobs(client), name, resume)
    except (job_api.Unreachable, job_api.KnownSweep) as error:
        leave(WRONG, str(error))


def _words(cargo: Shipped, options: Options, priority: int, resume: bool) -> list[str]:
    """Return the options of `sweep queue add` for a sweep."""
    from sweep import workspace
    from sweep.remote.jobs import CAP

    words = [*options.words(is_new=True, cap=CAP), "--priority", str(priority)]
    words += ["--resume"] if resume else []
    return words + (["--harness-tasks", workspace.HARNESS_TASKS] if cargo.harness_tasks else [])
