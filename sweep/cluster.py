"""A sweep handed to a Ray cluster's job API: it runs there, and a laptop only watches."""

from __future__ import annotations

import asyncio
import shlex
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sweep.spec import SweepSpec

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient


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
    client = _client(address)
    verb = ["resume", spec.name] if resume else ["run", "sweep.yaml"]
    words = ["python", "-m", "sweep", *verb, "--address", "auto"]
    if tracking_uri:
        words += ["--tracking-uri", tracking_uri]
    home = 'SWEEP_HOME="${SWEEP_HOME:-$HOME/sweeps}"'
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(path, Path(folder) / "sweep.yaml")
        job: str = client.submit_job(
            entrypoint=f"{home} {shlex.join(words)}",
            submission_id=_job_id(client, spec.name),
            runtime_env={"working_dir": folder},
            metadata={"sweep": spec.name},
        )
    return job


def follow(job: str, *, address: str) -> bool:
    """Show a job's log until it ends; whether it succeeded."""
    from ray.job_submission import JobStatus

    client = _client(address)

    async def tail() -> None:
        async for text in client.tail_job_logs(job):
            print(text, end="", flush=True)

    asyncio.run(tail())
    return bool(client.get_job_status(job) == JobStatus.SUCCEEDED)


def _job_id(client: JobSubmissionClient, name: str) -> str:
    """NAME-1, NAME-2, …: a sweep that is resumed is another job of the same sweep."""
    taken = {job.submission_id for job in client.list_jobs()}
    return next(job for n in range(1, len(taken) + 2) if (job := f"{name}-{n}") not in taken)


def _client(address: str) -> JobSubmissionClient:
    from ray.job_submission import JobSubmissionClient

    try:
        return JobSubmissionClient(address)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise Unreachable(
            f"--address must be the job API of a running Ray cluster, as in "
            f"http://127.0.0.1:8265, but {address!r} does not answer as one: "
            f"{str(error).splitlines()[0]}"
        ) from error
