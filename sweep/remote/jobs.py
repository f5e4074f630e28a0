"""Run a sweep as a job of a Ray cluster, and follow its log."""

from __future__ import annotations

import asyncio
import shlex
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sweep import workspace
from sweep.driver.cluster import open_clusters
from sweep.remote import job_api
from sweep.remote.job_api import Job, KnownSweep, NotKnown, Unreachable
from sweep.remote.shipped import Shipped
from trainables.cli.streams import encodable
from trainables.harness import folder as tasks_folder
from trainables.schema.text.shown import MAX_NAME, as_word, first_line

FAILED = 1  # exit code of a job that tells none
PATIENCE_S = 60.0  # for a head that has just started, and has no agent to run jobs yet
MAX_DROPPED = 3  # connections that a busy head may drop
CAP = "--cap"  # the option of `sweep queue add` for `at_once`
HOME = '"${SWEEP_HOME:-$HOME/sweeps}"'  # of the head, as its shell reads it


@dataclass(frozen=True)
class Options:
    """What a job passes on to `sweep run` or `sweep resume`.

    tracking_uri: MLflow as the cluster reaches it; None: the default of the cluster.
    storage:      the database of the search as the cluster reaches it; None: as tracking_uri.
    no_diff:      whether the changes of the cluster's code since its commit stay out of the record.
    at_once:      the most trials at once, whatever the spec says; None: as the spec says.
    insecure:     whether the cluster may let everybody in.
    """

    tracking_uri: str | None = None
    storage: str | None = None
    no_diff: bool = False
    at_once: int | None = None
    insecure: bool = False

    def words(self, *, is_new: bool, cap: str = "--at-once") -> list[str]:
        """Return them as they are typed.

        is_new: whether the sweep is begun, and not resumed.
        cap: the option for `at_once`.
        """
        words = []
        if self.tracking_uri:
            words += ["--tracking-uri", self.tracking_uri]
        if self.storage:
            words += ["--storage", self.storage]
        if self.no_diff and is_new:  # it is written at the start alone
            words += ["--no-diff"]
        if self.at_once:
            words += [cap, str(self.at_once)]
        if self.insecure:
            words += [open_clusters.OPTION]
        return words


def submit(
    name: str, shipped: Shipped, options: Options, *, address: str, resume: bool = False
) -> str:
    """Start a sweep as a job of a cluster, and return the id of the job.

    Only what is shipped is uploaded: the nodes have the project installed (cluster.yaml). The sweep
    writes to $SWEEP_HOME of the head node, or ~/sweeps if that is unset. If the cluster has token
    authentication, the token is that of `job_api.token_headers`.

    Args:
        name: of the sweep.
        shipped: its spec, and the files that it reads; empty for a sweep that is resumed without any.
        address: the job API, as http://HOST:8265.
        resume: whether to go on with a sweep that the cluster has begun.

    Raises:
        Unreachable: the job API cannot be reached or refuses the job.
        NotKnown: the cluster may have taken the job.
        KnownSweep: the cluster runs a sweep of this name, or has run it and it is not to be resumed.
    """
    entrypoint = f"SWEEP_HOME={HOME} {verb_line(name, shipped, options, resume=resume)}"
    metadata = {job_api.SWEEP: name}
    with tempfile.TemporaryDirectory() as folder:
        shipped.write(Path(folder))
        return start(
            entrypoint,
            Path(folder),
            metadata,
            lambda jobs: _free_id(jobs, name, resume),
            address=address,
        )


def verb_line(name: str, shipped: Shipped, options: Options, *, resume: bool) -> str:
    """Return the line of a shell, in a folder with what is shipped, that runs or resumes a sweep."""
    verb = ["resume", name] if resume else ["run", workspace.SPEC]
    words = ["python", "-m", "sweep", *verb, "--address", "auto", *options.words(is_new=not resume)]
    if shipped.harness_tasks:
        words += [tasks_folder.OPTION, workspace.HARNESS_TASKS]
    return shlex.join(words)


def start(
    entrypoint: str,
    folder: Path,
    metadata: Mapping[str, str],
    choose_id: Callable[[list[Job]], str],
    *,
    address: str,
    what: str = "does not take the sweep",
) -> str:
    """Start a job once, also where connections are dropped, and return its id.

    Args:
        entrypoint: the line of a shell that it runs.
        folder: what it runs in, uploaded to every node that runs a part of it.
        choose_id: given the jobs of the cluster, returns an id that none of them has.
        what: is wrong if it is not started, as the end of a sentence.

    Raises:
        Unreachable: the job API cannot be reached or refuses the job; it was not started.
        NotKnown: it may have been started, or not.
        KnownSweep: `choose_id` has raised it.
    """
    deadline = time.monotonic() + PATIENCE_S
    submission = uuid.uuid4().hex
    num_dropped, is_sent = 0, False
    while True:
        try:
            client = job_api.connect(address)
            known = job_api.jobs(client)
            # The cluster may have taken it without having said so.
            for job in known:
                if job.submission == submission:
                    return job.id
            id_ = choose_id(known)
            is_sent = True
            client.submit_job(
                entrypoint=entrypoint,
                submission_id=id_,
                runtime_env={"working_dir": str(folder)},
                metadata={**metadata, job_api.SUBMISSION: submission},
            )
            return id_
        except KnownSweep:
            raise
        except Exception as error:  # of Ray, of its HTTP library, of what a gateway answers
            num_dropped += _is_dropped(error)
            is_dropped = _is_dropped(error) and num_dropped <= MAX_DROPPED
            # A busy head lists a job some time after it has taken it.
            words = ["No available agent", *(["already exists"] if num_dropped else [])]
            is_early = any(each in str(error) for each in words) and time.monotonic() < deadline
            if is_dropped or is_early:
                time.sleep(1)
                continue
            if num_dropped and is_sent:
                raise NotKnown(
                    f"{as_word(address, MAX_NAME)} has gone away before it has said whether it takes "
                    f"the job ({first_line(error)}): `sweep jobs` shows it, once the cluster answers."
                ) from error
            raise job_api.unreachable(address, what, error) from error


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
                print(encodable(job_api.shown(line)), flush=True)
        if begun_line:
            print(encodable(job_api.shown(begun_line)), flush=True)

    try:
        client = job_api.connect(address)
        asyncio.run(tail())
        info = client.get_job_info(job)
        if not info.status.is_terminal():
            raise Unreachable("its end has come before that of the job")
        # A job that somebody has stopped has none.
        return 0 if info.status == JobStatus.SUCCEEDED else info.driver_exit_code or FAILED
    except Exception as error:
        raise Unreachable(
            f"the log of {job} cannot be followed any more ({first_line(error)}), but the job may go "
            f"on: `sweep status` shows it."
        ) from error


def _is_dropped(error: Exception) -> bool:
    """Return whether a connection has ended before its answer.

    Where nothing listens, another error is raised.
    """
    from requests.exceptions import ConnectionError

    return isinstance(error, ConnectionError)


def _free_id(jobs: list[Job], name: str, resume: bool) -> str:
    """Return the first of NAME-1, NAME-2, … that is no job of the cluster yet.

    A sweep that is resumed is another job under the same name.

    Raises:
        KnownSweep: as of `job_api.refuse_known`.
    """
    job_api.refuse_known(jobs, name, resume)
    ids = {job.id for job in jobs}
    return next(id_ for n in range(1, len(ids) + 2) if (id_ := f"{name}-{n}") not in ids)
