"""The verbs that read the job API of a cluster: jobs, logs."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from sweep.cli.cluster_verbs.job_tree import since, tree_of
from sweep.cli.options import (
    FAILED,
    WRONG,
    Insecure,
    JobsAddress,
    Name,
    TableOrJson,
    console,
    jobs_address,
    leave,
)
from trainables.cli.streams import encodable, say

app = typer.Typer()


@app.command(epilog="Example: sweep jobs --format json")
def jobs(
    address: JobsAddress = None,
    insecure: Insecure = False,
    format_: Annotated[TableOrJson, typer.Option("--format")] = TableOrJson.TABLE,
) -> None:
    """List the jobs of a cluster that run, or ran, a sweep; the newest first."""
    from sweep.remote import job_api

    known_address = jobs_address(address)
    try:
        with job_api.reaching(known_address, "is not asked for its jobs") as client:
            known = [job for job in job_api.jobs(client) if job.sweep and not job.kind]
    except job_api.Unreachable as error:
        leave(WRONG, str(error))
    if format_ is TableOrJson.JSON:
        print(json.dumps([tree_of(job) for job in known], indent=2))
        return
    if not known:
        say(
            f"the cluster at {known_address} has no job of a sweep: `sweep submit SPEC` starts one."
        )
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    shown = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for title in ("job", "sweep"):
        shown.add_column(title, overflow="fold")
    for title in ("state", "since (UTC)"):
        shown.add_column(title, no_wrap=True)
    for job in known:
        shown.add_row(
            escape(job.id), escape(job.sweep), job.state, since(job)[:16].replace("T", " ")
        )
    console().print(shown)


@app.command(epilog="Example: sweep logs -f smollm2")
def logs(
    name: Name,
    address: JobsAddress = None,
    insecure: Insecure = False,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="go on until the job ends, with its exit code")
    ] = False,
) -> None:
    """Print the log of the newest job of a sweep, or of the job of this id, without secrets."""
    from sweep.cli.cluster_verbs.following import follow_job
    from sweep.remote import job_api

    known_address = jobs_address(address)
    try:
        with job_api.reaching(known_address, "does not give the log") as client:
            job = job_api.job_of(client, name)
            lines = [] if follow else job_api.last_lines(client, job.id)
    except (job_api.Unreachable, job_api.NoJob) as error:
        leave(WRONG, str(error))
    if follow:
        follow_job(job.sweep or name, job.id, known_address)
    for line in lines:
        print(encodable(line))
    if not lines and job.is_over and job.message:
        leave(FAILED, f"{job.id} has {job.state} without a log: {job_api.shown(job.message)}")
