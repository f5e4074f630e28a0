"""Follow the log of a job of a sweep."""

from __future__ import annotations

from sweep.cli.options import FAILED, INTERRUPTED, leave


def follow_job(name: str, job: str, address: str) -> None:
    """Print the log of a job of a sweep until it ends.

    Raises:
        SystemExit: with the exit code of the job; 1 if its log cannot be followed; 130 at Ctrl-C.
    """
    from sweep.remote import job_api, jobs

    try:
        code = jobs.follow(job, address=address)
    except job_api.Unreachable as error:
        leave(FAILED, str(error))
    except KeyboardInterrupt:
        leave(INTERRUPTED, f"{job} runs on at the cluster; `sweep cancel {name}` ends it.")
    raise SystemExit(code)
