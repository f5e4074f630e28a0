"""Have the head of a cluster do something with its queue."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from sweep.cli.cluster_verbs.queue_tree import say_added
from sweep.cli.options import FAILED, WRONG, known_jobs_address, leave

if TYPE_CHECKING:
    from sweep.remote.shipped import Shipped


def is_elsewhere(address: str | None, here: bool) -> bool:
    """Return whether the queue is that of a known cluster, and not that of this machine."""
    return not here and known_jobs_address(address) is not None


def on_head(words: list[str], address: str | None, cargo: Shipped | None = None) -> Any:
    """Return the JSON that a verb of the queue prints on the head of a cluster.

    Raises:
        SystemExit: the cluster is away, or refuses; a sentence on stderr says why.
    """
    from sweep.remote import on_head as short_jobs
    from sweep.remote.job_api import NotKnown, Unreachable
    from sweep.remote.shipped import Shipped

    known = known_jobs_address(address)
    assert known is not None, "the caller has asked"
    here = [] if "add" in words[:2] else ["--here"]
    try:
        return short_jobs.result_of(
            [*words, *here, "--format", "json"],
            cargo or Shipped(),
            address=known,
            shown_by="`sweep queue`",
        )
    except (Unreachable, short_jobs.Refused) as error:
        leave(WRONG, str(error))
    except NotKnown as error:
        leave(FAILED, str(error))


def submit_to_queue(name: str, cargo: Shipped, words: list[str], address: str) -> None:
    """Add a sweep to the queue of a cluster, and print its number and its place.

    Args:
        words: options of `sweep queue add`.
        address: of the job API.

    Raises:
        SystemExit: the cluster is away or refuses the sweep; a sentence on stderr says which.
    """
    from sweep import workspace

    options = ["--key", uuid.uuid4().hex, *words]
    tree = on_head(["queue", "add", workspace.SPEC, *options], address, cargo)
    if tree["files"] != cargo.digests:
        leave(
            FAILED,
            f"{name} must be in the queue with the files that were sent, but has others: remove it and "
            f"send it again.",
        )
    say_added(tree)
