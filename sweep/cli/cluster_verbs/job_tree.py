"""A job of a cluster as a tree for JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from trainables.cli.streams import say

if TYPE_CHECKING:
    from sweep.remote.job_api import Job


def job_of_sweep(name: str, address: str) -> dict[str, Any] | None:
    """Return the newest job of a sweep as a tree for JSON; None if the cluster knows none, or is away.

    That it is away is said on stderr.

    address: of the job API.

    Keys:
        id, state, since, code: of the job.
        why: the last lines of its log, without secrets, if it has failed.
    """
    from sweep.remote import job_api

    try:
        with job_api.reaching(address, "is not asked for its jobs") as client:
            job = job_api.job_of(client, name)
            return tree_of(job) | {"why": job_api.why(client, job)}
    except job_api.NoJob:
        return None
    except job_api.Unreachable as error:
        say(str(error))
        return None


def tree_of(job: Job) -> dict[str, Any]:
    """Return a job as a tree for JSON."""
    return {
        "id": job.id,
        "sweep": job.sweep,
        "state": job.state,
        "since": since(job) or None,
        "code": job.code,
    }


def since(job: Job) -> str:
    """Return the time at which a job has begun, as ISO 8601 in UTC; "" if it has not."""
    if job.began is None:
        return ""
    return datetime.fromtimestamp(job.began / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
