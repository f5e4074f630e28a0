"""A sweep handed to a Ray cluster's job API: it runs there, and a laptop only watches."""

from __future__ import annotations

import asyncio
import shlex
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sweep.config.spec import SweepSpec

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient


PATIENCE_S = 60.0  # a head that has just started has no agent to run jobs yet


class Unreachable(RuntimeError):
    """No job API answers at the address, or it refuses us."""


def submit(
    spec: SweepSpec,
    path: Path,
    *,
    address: str,
    tracking_uri: str | None = None,
    resume: bool = False,
) -> str:
    """Start the sweep as a job of the cluster; returns the job's id.

    The spec alone is uploaded: the nodes have the project installed (cluster.yaml). What the sweep
    writes lies under $SWEEP_HOME of the head node, ~/sweeps if unset. The token of a cluster with
    token authentication is taken from where Ray looks for it (RAY_AUTH_TOKEN, ~/.ray/auth_token).

    Raises:
        Unreachable: nothing was submitted.
    """
    from ray.exceptions import RayError
    from ray.job_submission import JobSubmissionClient

    verb = ["resume", spec.name] if resume else ["run", "sweep.yaml"]
    words = ["python", "-m", "sweep", *verb, "--address", "auto"]
    if tracking_uri:
        words += ["--tracking-uri", tracking_uri]
    entrypoint = f'SWEEP_HOME="${{SWEEP_HOME:-$HOME/sweeps}}" {shlex.join(words)}'
    give_up = time.monotonic() + PATIENCE_S
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(path, Path(folder) / "sweep.yaml")
        while True:
            try:
                client = JobSubmissionClient(address)
                job: str = client.submit_job(
                    entrypoint=entrypoint,
                    submission_id=_job_id(client, spec.name),
                    runtime_env={"working_dir": folder},
                    metadata={"sweep": spec.name},
                )
                return job
            except (ConnectionError, RuntimeError, ValueError, RayError) as error:
                if "No available agent" in str(error) and time.monotonic() < give_up:
                    time.sleep(1)
                    continue
                raise Unreachable(
                    f"--address must be the job API of a running Ray cluster that lets us in, as "
                    f"in http://127.0.0.1:8265, but {address} does not take the sweep: "
                    f"{str(error).strip().partition(chr(10))[0]}"
                ) from error


def follow(job: str, *, address: str) -> bool:
    """Show a job's log until it ends; whether it succeeded."""
    from ray.job_submission import JobStatus, JobSubmissionClient

    client = JobSubmissionClient(address)

    async def tail() -> None:
        async for text in client.tail_job_logs(job):
            print(text, end="", flush=True)

    asyncio.run(tail())
    return bool(client.get_job_status(job) == JobStatus.SUCCEEDED)


def _job_id(client: JobSubmissionClient, name: str) -> str:
    """NAME-1, NAME-2, …: a sweep that is resumed is another job of the same sweep."""
    taken = {job.submission_id for job in client.list_jobs()}
    return next(job for n in range(1, len(taken) + 2) if (job := f"{name}-{n}") not in taken)
