"""The server of a queue: a loop on the head of a cluster, of which there is one."""

from __future__ import annotations

import time

from sweep.queue.folder import Queue
from sweep.queue.scheduler import Scheduler

EVERY_S = 2.0  # how often the queue is looked at


def serve(queue: Queue, scheduler: Scheduler, every_s: float = EVERY_S) -> None:
    """Take turns until the process is ended; sweeps that run are jobs, which go on without it.

    Raises:
        Refused: another process serves the queue.
    """
    with queue.serving():
        while True:
            scheduler.turn()
            time.sleep(every_s)
