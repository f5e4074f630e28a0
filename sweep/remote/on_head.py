"""Run a short verb of `sweep` on the head of a cluster, as a job, and read what it prints."""

from __future__ import annotations

import shlex
import tempfile
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

from sweep.remote import job_api, jobs
from sweep.remote.job_api import Job, NotKnown, Unreachable
from sweep.remote.shipped import Shipped
from trainables.schema.plain_json import from_json
from trainables.schema.text.shown import first_line

QUEUE = "queue"  # the kind of these jobs
EVERY_S = 0.5
PATIENCE_S = 180.0  # until a verb that takes a second counts as hung


class Refused(RuntimeError):
    """The verb has refused what it was asked; the sentences are those that it has printed."""


def result_of(words: list[str], shipped: Shipped, *, address: str, shown_by: str) -> Any:
    """Return the value that a verb on the head has printed as JSON, in a line of its own.

    Args:
        words: of the verb.
        shipped: what it finds in its folder.
        address: of the job API.
        shown_by: the command that shows what has become of the request.

    Raises:
        Unreachable: the cluster is away, or refuses the request; nothing was done.
        Refused: the verb did not do what it was asked.
        NotKnown: the cluster has gone away before its answer, or the answer is lost.
    """
    line = shlex.join(["python", "-m", "sweep", *words])
    id_ = f"{QUEUE}-{uuid.uuid4().hex[:12]}"
    try:
        with tempfile.TemporaryDirectory() as folder:
            shipped.write(Path(folder))
            jobs.start(
                f"SWEEP_HOME={jobs.HOME} {line}",
                Path(folder),
                {job_api.KIND: QUEUE},
                lambda _: id_,
                address=address,
                what="does not take the request",
            )
    except NotKnown as error:
        raise NotKnown(
            f"{first_line(error)} {shown_by} shows whether the request was carried out."
        ) from error
    try:
        job, log = _end_of(id_, address)
    except (Unreachable, TimeoutError) as error:
        raise NotKnown(
            f"the cluster has taken the request and not answered ({first_line(error)}): {shown_by} "
            f"shows whether it was carried out, once the cluster answers."
        ) from error
    if job.state == "succeeded":
        # Not as it is shown: without what looks like a secret it may be no JSON, and has other values.
        for text in reversed(log.splitlines()):
            if text.startswith(("{", "[")):
                with suppress(ValueError):  # a line of the log of another program
                    return from_json(text)
        raise NotKnown(
            f"the cluster has carried the request out, but its answer is not in the log of {id_}: "
            f"{shown_by} shows what has become of it."
        )
    lines = job_api.of_program([job_api.shown(line) for line in log.splitlines()])
    raise Refused("\n".join(lines) or job_api.shown(job.message) or f"{id_} has {job.state}.")


def _end_of(id_: str, address: str) -> tuple[Job, str]:
    """Return a job that has ended, and its log; wait for its end.

    Raises:
        Unreachable: the cluster has gone away.
        TimeoutError: the job does not come to an end.
    """
    deadline = time.monotonic() + PATIENCE_S
    with job_api.reaching(address, "does not say how its jobs stand") as client:
        while True:
            for job in job_api.jobs(client):
                if job.id == id_ and job.is_over:
                    return job, job_api.log_of(client, id_)
            if time.monotonic() > deadline:
                raise TimeoutError(f"its job {id_} does not come to an end")
            time.sleep(EVERY_S)
