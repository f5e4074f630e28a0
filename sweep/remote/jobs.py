"""Run a sweep as a job of a Ray cluster, and follow its log."""

from __future__ import annotations

import asyncio
import logging
import re
import shlex
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sweep import workspace
from sweep.config.spec import SweepSpec
from trainables.cli.streams import encodable
from trainables.harness import folder as tasks_folder
from trainables.schema.text.printable import printable
from trainables.schema.text.shown import MAX_NAME, as_word, first_line

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient


COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# Modules of Ray that log what they upload, and that a connection has ended.
TALKATIVE = (
    "ray.dashboard.modules.job.sdk",
    "ray.dashboard.modules.dashboard_sdk",
    "ray._private.runtime_env.packaging",
)
FAILED = 1  # exit code of a job that tells none
PATIENCE_S = 60.0  # for a head that has just started, and has no agent to run jobs yet
MAX_DROPPED = 3  # connections that a busy head may drop


class Unreachable(RuntimeError):
    """No job API answers at the address, or it refuses the request."""


def submit(
    spec: SweepSpec,
    text: str,
    *,
    address: str,
    tracking_uri: str | None = None,
    resume: bool = False,
    no_diff: bool = False,
    harness_tasks: Path | None = None,
) -> str:
    """Start a sweep as a job of a cluster, and return the id of the job.

    Only the spec and the folder of tasks are uploaded: the nodes have the project installed
    (cluster.yaml). The sweep writes to
    $SWEEP_HOME of the head node, or ~/sweeps if that is unset. If the cluster has token
    authentication, Ray takes the token from RAY_AUTH_TOKEN or ~/.ray/auth_token.

    Args:
        text: of the file of the spec, as it was checked.
        address: the job API, as http://HOST:8265.
        tracking_uri: MLflow as the cluster reaches it; the default of the cluster if left out.
        resume: whether to go on with a sweep that the cluster has begun.
        no_diff: whether the changes of the cluster's code since its commit stay out of the record.
        harness_tasks: a folder of tasks of lm-evaluation-harness that the sweep measures.

    Raises:
        Unreachable: the job API cannot be reached or refuses the job.
    """
    verb = ["resume", spec.name] if resume else ["run", workspace.SPEC]
    words = ["python", "-m", "sweep", *verb, "--address", "auto"]
    if tracking_uri:
        words += ["--tracking-uri", tracking_uri]
    if no_diff and not resume:  # it is written at the start alone
        words += ["--no-diff"]
    if harness_tasks:
        words += [tasks_folder.OPTION, workspace.HARNESS_TASKS]
    entrypoint = f'SWEEP_HOME="${{SWEEP_HOME:-$HOME/sweeps}}" {shlex.join(words)}'
    deadline = time.monotonic() + PATIENCE_S
    num_dropped, is_dropped = 0, False
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / workspace.SPEC).write_text(text, encoding="utf-8")
        if harness_tasks:
            shutil.copytree(harness_tasks, Path(folder) / workspace.HARNESS_TASKS)
        job = ""  # its id, once one was chosen
        while True:
            try:
                client = _client(address)
                # The cluster may have taken it without having said so.
                if is_dropped and job in _job_ids(client):
                    return job
                job = _free_id(client, spec.name)
                client.submit_job(
                    entrypoint=entrypoint,
                    submission_id=job,
                    runtime_env={"working_dir": folder},
                    metadata={"sweep": spec.name},
                )
                return job
            except Exception as error:  # of Ray, of its HTTP library, of what a gateway answers
                num_dropped += _is_dropped(error)
                is_dropped = _is_dropped(error) and num_dropped <= MAX_DROPPED
                is_early = "No available agent" in str(error) and time.monotonic() < deadline
                if is_dropped or is_early:
                    time.sleep(1)
                    continue
                raise Unreachable(
                    f"--address must be the job API of a running Ray cluster that accepts our token, "
                    f"as in http://127.0.0.1:8265, but {as_word(address, MAX_NAME)} does "
                    f"not take the sweep: {first_line(error)}"
                ) from error


def follow(job: str, *, address: str) -> int:
    """Print the log of a job until it ends, line by line; return the exit code of its driver.

    Secrets are masked and control characters escaped, as in all that a sweep prints: the cluster's own
    programs write to the log, too.

    address: the job API, as http://HOST:8265.

    Raises:
        Unreachable: the job API has gone away; the job runs on.
    """
    from ray.job_submission import JobStatus

    async def tail() -> None:
        begun_line = ""
        async for text in client.tail_job_logs(job):
            *lines, begun_line = (begun_line + text).split("\n")
            for line in lines:
                print(_shown(line), flush=True)
        if begun_line:
            print(_shown(begun_line), flush=True)

    try:
        client = _client(address)
        asyncio.run(tail())
        info = client.get_job_info(job)
        # A job that somebody has stopped has none.
        return 0 if info.status == JobStatus.SUCCEEDED else info.driver_exit_code or FAILED
    except Exception as error:
        raise Unreachable(
            f"the log of {job} cannot be followed any more ({first_line(error)}), but the job may go "
            f"on: `sweep status` shows it."
        ) from error


def _client(address: str) -> JobSubmissionClient:
    """Return a client of a job API that logs nothing but warnings."""
    from ray.job_submission import JobSubmissionClient

    client = JobSubmissionClient(address)  # loads the modules, which set their levels
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    return client


def _is_dropped(error: Exception) -> bool:
    """Return whether a connection has ended before its answer.

    Where nothing listens, Ray raises another error.
    """
    from requests.exceptions import ConnectionError

    return isinstance(error, ConnectionError)


def _shown(line: str) -> str:
    """Return a line of a job's log as it is printed: without colours, too."""
    return encodable(printable(COLOUR.sub("", line.removesuffix("\r"))))


def _job_ids(client: JobSubmissionClient) -> set[str | None]:
    """Return the ids of all jobs of a cluster, also of those that have ended."""
    return {job.submission_id for job in client.list_jobs()}


def _free_id(client: JobSubmissionClient, name: str) -> str:
    """Return the first of NAME-1, NAME-2, … that is no job of the cluster yet.

    A sweep that is resumed is another job under the same name.
    """
    job_ids = _job_ids(client)
    return next(job for n in range(1, len(job_ids) + 2) if (job := f"{name}-{n}") not in job_ids)
