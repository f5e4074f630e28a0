"""The verb that hands a sweep to a Ray cluster."""

from __future__ import annotations

from typing import Annotated

import typer

from sweep.cli.options import (
    FAILED,
    INTERRUPTED,
    WRONG,
    HarnessTasks,
    NoDiff,
    Spec,
    leave,
    load_spec,
    use_harness_tasks,
    without_blanks,
)
from trainables.schema.text.masking import holds_secret

app = typer.Typer()


@app.command(epilog="Example: sweep submit smollm2.yaml --address http://127.0.0.1:8265 --follow")
def submit(
    spec: Spec,
    address: Annotated[
        str,
        typer.Option(
            callback=without_blanks, help="the job API of a Ray cluster, http://HOST:8265"
        ),
    ],
    tracking_uri: Annotated[
        str | None,
        typer.Option(help="MLflow as the cluster reaches it; the cluster's default if left out"),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="go on with the sweep instead of starting it")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="print the log until the sweep ends")
    ] = False,
    no_diff: NoDiff = False,
    harness_tasks: HarnessTasks = None,
) -> None:
    """Hand a sweep to a Ray cluster, where it runs on without this machine."""
    use_harness_tasks(harness_tasks)
    checked, document = load_spec(spec)
    if not address.startswith(("http://", "https://")):
        leave(WRONG, f"--address must be http://HOST:PORT of the job API, but got {address!r}.")
    if tracking_uri and ("@" in tracking_uri or holds_secret(tracking_uri)):
        leave(
            WRONG,
            "--tracking-uri must hold no password or token, which everyone on the cluster could read: "
            "put it into ~/.mlflow/credentials of its nodes.",
        )
    from sweep.remote import jobs

    try:
        job = jobs.submit(
            checked, document.text, address=address, tracking_uri=tracking_uri, resume=resume,
            no_diff=no_diff, harness_tasks=harness_tasks,
        )  # fmt: skip
    except jobs.Unreachable as error:
        leave(WRONG, str(error))
    print(f"submitted as {job}", flush=True)
    if follow:
        try:
            code = jobs.follow(job, address=address)
        except jobs.Unreachable as error:
            leave(FAILED, str(error))
        except KeyboardInterrupt:
            leave(
                INTERRUPTED, f"{job} runs on at the cluster; `sweep cancel {checked.name}` ends it."
            )
        raise SystemExit(code)
