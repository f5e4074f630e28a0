"""How many trials the nodes of a cluster have room for at the same time."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from sweep.driver.running_sweep import CannotRun
from trainables.schema.counted import counted

if TYPE_CHECKING:
    from sweep.config.spec import Resources

log = logging.getLogger(__name__)


def num_at_once(resources: Resources, cap: int | None = None, *, is_here: bool) -> int:
    """Return the number of trials to run at the same time.

    It is `at_once` of the spec, or as many as the CPUs and GPUs of the nodes that are up can hold. A
    process of a trial is held by one node; its processes may be on several. If they cannot hold a trial
    yet, that is said.

    Args:
        cap: the most to return, whatever the spec says; None: no limit.
        is_here: whether the cluster is this machine alone, which gets no further nodes.

    Raises:
        CannotRun: the nodes cannot hold a trial, and the spec has no `at_once`, or no node is still to
            come.
    """
    import ray

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    size = resources.workers_per_trial
    room = sum(resources.processes_on(node.get("CPU", 0), node.get("GPU", 0)) for node in nodes)
    room //= size
    if not room:
        trial = (
            f"a trial takes {counted(resources.cpus_per_process * size, 'CPU')} and "
            f"{counted(resources.gpus_per_trial, 'GPU')}"
        )
        if size > 1:
            trial += f" in {counted(size, 'process', 'processes')}"
        if is_here:
            num_cpus, num_gpus = nodes[0].get("CPU", 0), nodes[0].get("GPU", 0)
            raise CannotRun(
                f"{trial}, but this machine has {num_cpus:g} and {num_gpus:g}: lower `resources`, or "
                "run it on a cluster with --address."
            )
        if resources.at_once is None:
            raise CannotRun(
                f"{trial}, but no node of the cluster has as many: lower `resources`, or set "
                "resources.at_once if nodes are still to come."
            )
        log.warning("%s, which no node of the cluster has yet: waiting for one", trial)
    return min(resources.at_once or room, cap or sys.maxsize)
