"""Run the sweeps of a queue as jobs of the head's own Ray cluster.

A job, and not a child of the server of the queue: it goes on when that ends, all nodes get the files of
the sweep, and `sweep jobs`, `logs` and `status` know it as one that was submitted.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sweep import workspace
from sweep.driver.liveness import driver_lives_here
from sweep.queue.begun import has_begun
from sweep.queue.entry import MAX_WHY, Entry
from sweep.queue.scheduler import Away, Ended, Standing, StillThere
from sweep.remote import job_api, jobs
from sweep.remote.job_api import INTERRUPTED, Job, NotKnown, Unreachable
from sweep.remote.shipped import Shipped

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient


class RayJobs:
    """A Runner (sweep/queue/scheduler.py) on the job API at an address."""

    def __init__(self, address: str) -> None:
        self._address = address

    def standings(self, entries: Sequence[Entry]) -> Mapping[int, Standing]:
        """Return how the job of each entry stands, by the number of the entry; see Runner."""
        try:
            with job_api.reaching(self._address, "does not say how its jobs stand") as client:
                known = {job.id: job for job in job_api.jobs(client)}
                return {entry.number: _standing(known.get(entry.job), client) for entry in entries}
        except Unreachable as error:
            raise Away(str(error)) from error

    def start(self, entry: Entry, files: Path, *, is_first: bool) -> None:
        """Start the job of an entry; see Runner."""
        if driver_lives_here(entry.sweep):
            raise StillThere(
                f"{entry.sweep}: an earlier process still runs it; waiting for its end."
            )
        resume = entry.resume or (not is_first and has_begun(entry))
        tasks = files / workspace.HARNESS_TASKS if entry.has_tasks else None
        line = jobs.verb_line(
            entry.sweep, Shipped(harness_tasks=tasks), entry.options, resume=resume
        )
        try:
            jobs.start(
                f"SWEEP_HOME={shlex.quote(str(workspace.home()))} {line}",
                files,
                {job_api.SWEEP: entry.sweep},
                lambda _: entry.job,
                address=self._address,
            )
        except (Unreachable, NotKnown) as error:
            raise Away(str(error)) from error


def _standing(job: Job | None, client: JobSubmissionClient) -> Standing:
    """Return how a job stands; None is one that the cluster does not know."""
    if job is None:
        return "unknown"
    if not job.is_over:
        return "running"
    if job.state == "succeeded":
        return Ended(0)
    why = "\n".join(job_api.why(client, job))[-MAX_WHY:]
    if job.state == "stopped":  # by somebody, who does not want it to go on
        return Ended(INTERRUPTED, why)
    # By a signal, as shells count them; somebody else may have needed the memory.
    was_killed = job.code is not None and not 0 <= job.code <= 128 and job.code != INTERRUPTED
    return Ended(None if was_killed else job.code, why)
