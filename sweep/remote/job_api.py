"""The job API of a Ray cluster: connect to it, list its jobs, read their logs and their ends."""

from __future__ import annotations

import logging
import os
import re
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sweep.driver.cluster.open_clusters import is_here, refusal_of_job_api
from sweep.remote.addresses import JOBS_VARIABLE
from trainables.schema.text.printable import printable, without_colours
from trainables.schema.text.shown import MAX_NAME, as_word, first_line

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

OF_RAY = re.compile(r"INFO job_manager\.py:\d+ -- |^Running entrypoint for job ")
# Modules of Ray that log what they upload, and that a connection has ended.
TALKATIVE = (
    "ray.dashboard.modules.job.sdk",
    "ray.dashboard.modules.dashboard_sdk",
    "ray._private.runtime_env.packaging",
)
# Keys of a job's metadata: the sweep, what it does if it runs none, and a word for each submission.
SWEEP, KIND, SUBMISSION = "sweep", "kind", "submission"
CONNECT_S = 10.0  # until a head that does not answer counts as away
INTERRUPTED = 130  # exit code of a sweep that somebody has ended, or a full disk: it can be resumed
LAST_LINES = 12  # of the log of a job that has failed


class Unreachable(RuntimeError):
    """No job API answers at the address, or it refuses the request."""


class NotKnown(RuntimeError):
    """The cluster may have done what it was asked, or not: it has gone away before it has said so."""


class NoJob(ValueError):
    """The cluster knows no job of a sweep."""


class KnownSweep(ValueError):
    """The cluster runs a sweep of this name, or has run it: another job of it would only be refused."""


@dataclass(frozen=True)
class Job:
    """A job of a cluster.

    id:      by which the job API knows it.
    submission: what was drawn as it was submitted; empty if somebody else has submitted it.
    sweep:   the name of the sweep that it runs; empty if somebody else has submitted it.
    kind:    what it does if it runs no sweep, such as `queue`; empty if it runs one.
    state:   `pending`, `running`, `succeeded`, `failed` or `stopped`.
    began:   milliseconds since 1970; None if it has not begun.
    code:    the exit code of its process; None while it runs, and where Ray does not know it.
    message: what Ray says of its state.
    """

    id: str
    submission: str
    sweep: str
    kind: str
    state: str
    began: int | None
    code: int | None
    message: str

    @property
    def is_over(self) -> bool:
        """Whether it runs no more."""
        return self.state in ("succeeded", "failed", "stopped")


def connect(address: str) -> JobSubmissionClient:
    """Return a client of a job API that logs nothing but warnings.

    Raises:
        Unreachable: it lets everybody in whom the network lets through.
        Exception: of Ray, or of its HTTP library; nothing answers as a job API, or it refuses us.
    """
    from requests.utils import get_environ_proxies

    if not get_environ_proxies(address):  # a proxy says itself what is wrong
        parts = urlsplit(address)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        # Ray itself would wait for minutes.
        socket.create_connection((parts.hostname or "", port), timeout=CONNECT_S).close()
    if refusal := refusal_of_job_api(address):
        raise Unreachable(refusal)
    from ray.job_submission import JobSubmissionClient

    with _preferred(address):
        # It loads the modules, which set their levels.
        client = JobSubmissionClient(address, headers=token_headers(address))
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    return client


def token_headers(address: str) -> dict[str, str]:
    """Return the header with Ray's token for requests to an address; none without a token.

    Ray adds it only in a shell in which RAY_AUTH_MODE is `token`, and to any address then. Without that
    the token that Ray would find (RAY_AUTH_TOKEN, the file RAY_AUTH_TOKEN_PATH, or ~/.ray/auth_token)
    goes to this machine, as through a forwarded port, and over TLS.
    """
    is_safe = urlsplit(address).scheme == "https" or is_here(address)
    if os.environ.get("RAY_AUTH_MODE") is not None or not is_safe:
        return {}
    token = os.environ.get("RAY_AUTH_TOKEN", "")
    file = os.environ.get("RAY_AUTH_TOKEN_PATH") or "~/.ray/auth_token"
    with suppress(OSError, RuntimeError, UnicodeDecodeError):
        token = token or Path(file).expanduser().read_text().strip()
    return {"Authorization": f"Bearer {token}"} if token else {}


@contextmanager
def _preferred(address: str) -> Iterator[None]:
    """Within the block, have Ray's client take an address.

    In it two variables have precedence over the address that it is given: this one, and RAY_ADDRESS.
    """
    earlier = os.environ.get(JOBS_VARIABLE)
    os.environ[JOBS_VARIABLE] = address
    try:
        yield
    finally:
        del os.environ[JOBS_VARIABLE]
        if earlier is not None:
            os.environ[JOBS_VARIABLE] = earlier


@contextmanager
def reaching(address: str, what: str) -> Iterator[JobSubmissionClient]:
    """Within the block, have a client of a job API; an error of it is one sentence.

    what: what was to be done, as the end of the sentence: `is not asked for its jobs`.

    Raises:
        Unreachable: nothing answers as a job API, or the request is refused.
    """
    try:
        yield connect(address)
    except (NoJob, KnownSweep):
        raise
    except Exception as error:  # of Ray, of its HTTP library, of what a gateway answers
        raise unreachable(address, what, error) from error


def unreachable(address: str, what: str, error: Exception) -> Unreachable:
    """Return the error for a cluster that does not do what it is asked, with the reason.

    what: as of `reaching`.
    """
    if isinstance(error, Unreachable):
        return error
    return Unreachable(
        f"--address must be the job API of a running Ray cluster that accepts our token, "
        f"as in http://127.0.0.1:8265, but {as_word(address, MAX_NAME)} {what}: {first_line(error)}"
    )


def jobs(client: JobSubmissionClient) -> list[Job]:
    """Return all jobs of a cluster, also those that have ended, the newest first.

    Those that nobody has submitted, as drivers that have joined by themselves, are left out.
    """
    found = [_job(details) for details in client.list_jobs() if details.submission_id]
    return sorted(found, key=lambda job: (job.began or 0, job.id), reverse=True)


def job_of(client: JobSubmissionClient, name: str) -> Job:
    """Return the newest job that runs, or ran, a sweep; or the one whose id this is.

    Raises:
        NoJob: there is none.
    """
    known = jobs(client)
    of_sweep = [job for job in known if job.sweep == name and not job.kind]
    for job in [*of_sweep, *(job for job in known if job.id == name)]:
        return job
    others = sorted({job.sweep for job in known if job.sweep and not job.kind})
    raise NoJob(
        f"the cluster has no job of {as_word(name)!r}"
        f"{', but of ' + ', '.join(map(as_word, others)) if others else ''}: it forgets jobs when its "
        f"head starts anew, and `sweep status {as_word(name)}` reads the record."
    )


def refuse_known(jobs: Iterable[Job], name: str, resume: bool) -> None:
    """Raise KnownSweep if another job of a sweep would only be refused.

    Args:
        jobs: all of the cluster.
        name: of the sweep.
        resume: whether the job is to go on with the sweep.
    """
    known = [job for job in jobs if job.sweep == name and not job.kind]
    running = next((job for job in known if not job.is_over), None)
    if running is not None:
        raise KnownSweep(
            f"{name} runs on the cluster already, as {running.id}: `sweep logs -f {name}` follows it, "
            f"and `sweep resume {name}` ends a pause."
        )
    # One that has failed may have recorded nothing: its driver knows, on the head.
    ended = next((j for j in known if j.state == "succeeded" or j.code == INTERRUPTED), None)
    if ended is not None and not resume:
        raise KnownSweep(
            f"{name} must be a sweep that the cluster does not know yet, but {ended.id} has "
            f"{ended.state}: submit it with --resume to go on with that one, or under another name."
        )


def why(client: JobSubmissionClient, job: Job) -> list[str]:
    """Return why a job has failed: the last lines of its log, or what Ray says; empty if it has not.

    Secrets are masked and control characters escaped.
    """
    if job.state not in ("failed", "stopped"):
        return []
    lines = of_program(last_lines(client, job.id))[-LAST_LINES:]
    return lines or [shown(line) for line in job.message.splitlines() if line.strip()][-LAST_LINES:]


def last_lines(client: JobSubmissionClient, job: str) -> list[str]:
    """Return the lines of the log of a job, as they are shown; without any if there is no log."""
    return [shown(line) for line in log_of(client, job).splitlines()]


def log_of(client: JobSubmissionClient, job: str) -> str:
    """Return the log of a job as it was written, which must not be shown so; empty if there is none."""
    try:
        return str(client.get_job_logs(job))
    except RuntimeError:  # it has not begun, or its node has gone
        return ""


def of_program(lines: list[str]) -> list[str]:
    """Return the lines of a log that are not blank, without those of Ray about the start of the job."""
    return [line for line in lines if line.strip() and not OF_RAY.search(line)]


def shown(line: str) -> str:
    """Return a line of a job's log without secrets, colours and control characters."""
    return printable(without_colours(line.removesuffix("\r")))


def _job(details: Any) -> Job:
    """Return a job, given what Ray says of it."""
    metadata = details.metadata or {}
    return Job(
        id=str(details.submission_id),
        submission=str(metadata.get(SUBMISSION, "")),
        sweep=str(metadata.get(SWEEP, "")),
        kind=str(metadata.get(KIND, "")),
        state=str(details.status.value).lower(),
        began=details.start_time,
        code=details.driver_exit_code,
        message=details.message or "",
    )
