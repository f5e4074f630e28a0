"""The processes of a trial: a worker's own, which is the first, and an actor of Ray for each other."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from sweep.workers.foreign_groups import leave_foreign_groups
from sweep.workers.memory import memory_error_in
from sweep.workers.storage_trouble import storage_errors
from sweep.workers.unchanged import while_unchanged
from trainables.config import TrialConfig

if TYPE_CHECKING:
    from sweep.workers.assignment import Assignment
    from trainables.report import Report

STUCK_S = (
    5.0  # after the loss of a process, until the worker's own is ended if it still waits for it
)
LOW_MEMORY = "low on memory"  # as Ray says why it has ended a process
NAMESPACE = b"equipoise"  # of notes in the store of Ray's head
NOWHERE = Path(os.devnull)  # the folder for what the first process alone writes


class ProcessDied(RuntimeError):
    """A process of a trial has died. It is no fault of the trial, which is tried again as a whole."""


class Rank:
    """One further process of a group, as an actor of Ray.

    It runs each trial beside the first process, report by report, and writes nothing.
    """

    def __init__(self, assignment: Assignment, environment: Mapping[str, str]) -> None:
        """Change into the sweep's folder; `environment` says which group the first trial joins."""
        import ray

        leave_foreign_groups(keep_network=True)
        os.environ |= {**network_of(ray.util.get_node_ip_address()), **environment}
        assignment.enter()
        self._assignment = assignment
        self._trial = ExitStack()
        self._reports: Generator[Report] | None = None
        self._report: Report | None = None

    def begin(self, tree: Mapping[str, Any], checkpoint: str | None) -> None:
        """Take a trial, which begins with the first `advance`.

        Args:
            tree: of its TrialConfig.
            checkpoint: the name in the store of the state to go on from; None to begin at its start.
        """
        self.end()
        given = self._assignment
        given.use_tasks()
        config = TrialConfig.model_validate(tree)
        folder = None
        if checkpoint is not None and given.stores.checkpoints is not None:
            with storage_errors():
                folder = self._trial.enter_context(given.stores.checkpoints.read(checkpoint))
        reports = given.run_trial(config, resume_from=folder)
        watched = while_unchanged(reports, config, given.digests)
        self._reports = self._trial.enter_context(closing(watched))

    def advance(self) -> None:
        """Run the trial up to its next report."""
        assert self._reports is not None
        self._report = next(self._reports)

    def save_state(self) -> None:
        """Take part in saving the trial's state, which the first process writes."""
        assert self._report is not None
        self._report.save_state(NOWHERE)

    def save_model(self) -> None:
        """Take part in saving the model, which the first process writes."""
        assert self._report is not None
        self._report.save_model(NOWHERE)

    def end(self) -> None:
        """Close the trial that runs, if there is one."""
        self._report = self._reports = None
        self._trial.close()


class Group:
    """All processes of a worker's trials but the first; they stay for its next trial."""

    def __init__(self, assignment: Assignment) -> None:
        """Start them in the worker's placement group, one in each bundle behind its own.

        This process becomes the first of the group: its environment says where the others meet it.
        """
        import ray
        import torch.distributed as distributed
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        host = ray.util.get_node_ip_address()
        # It takes a free port by itself, so that no other process can take that meanwhile.
        self._store = distributed.TCPStore(  # type: ignore[attr-defined]
            host, 0, is_master=True, wait_for_workers=False
        )
        size = assignment.num_processes
        environment = {
            "WORLD_SIZE": str(size), "LOCAL_RANK": "0", "MASTER_ADDR": host,
            "MASTER_PORT": str(self._store.port), "TORCHELASTIC_USE_AGENT_STORE": "True",
        }  # fmt: skip
        os.environ |= network_of(host) | environment | {"RANK": "0"}
        bundles = ray.util.get_current_placement_group()
        assert bundles is not None, "Tune gives every trial one"
        self._ranks = []
        for rank in range(1, size):
            needs = bundles.bundle_specs[rank]
            actor = ray.remote(Rank).options(
                num_cpus=needs.get("CPU", 0),
                num_gpus=needs.get("GPU", 0),
                scheduling_strategy=PlacementGroupSchedulingStrategy(bundles, rank),
            )
            self._ranks.append(actor.remote(assignment, environment | {"RANK": str(rank)}))

    @contextmanager
    def together(self, method: str, *arguments: Any) -> Iterator[None]:
        """Within the block, have every other process call a method of Rank; wait for them at its end.

        If one fails, all others are ended, since each may wait for it for ever; the group cannot be
        used again then.

        Raises:
            ProcessDied: one has died, whatever its death has made others raise.
            Exception: one has raised it, or the block has; where both have, the first.
        """
        calls = [getattr(rank, method).remote(*arguments) for rank in self._ranks]
        problems: list[Exception] = []
        is_left = threading.Event()
        watch = threading.Thread(target=self._watch, args=(calls, problems, is_left), daemon=True)
        watch.start()
        try:
            yield
        except Exception:
            is_consequence = bool(problems)  # those that wait for one that has failed fail, too
            is_left.set()
            watch.join(STUCK_S)  # for the one that has died, if this is how it shows here
            # Asked before they are killed, which the watch would take for deaths.
            is_first = not is_consequence and not any(isinstance(p, ProcessDied) for p in problems)
            self.kill()
            if is_first:
                raise
        is_left.set()
        watch.join()
        if problems:
            raise _first_cause(problems)

    def kill(self) -> None:
        """End all these processes; the group cannot be used again."""
        import ray

        for rank in self._ranks:
            ray.kill(rank)

    def _watch(self, calls: list[Any], problems: list[Exception], is_left: threading.Event) -> None:
        """Wait until every call has ended; at the first that fails, note why and end the others.

        End this process, too, if it does not leave the block soon: some kinds of group wait for a
        process that is gone.
        """
        import ray

        waiting = calls
        while waiting:
            (done,), waiting = ray.wait(waiting, num_returns=1)
            problem = _problem_of(done)
            if problem is None:
                continue
            problems.append(problem)
            if waiting and not isinstance(problem, ProcessDied):
                # It may have lost its connection to one of whose death Ray tells a little later.
                ended, _ = ray.wait(waiting, num_returns=len(waiting), timeout=STUCK_S)
                problems += [other for call in ended if (other := _problem_of(call))]
            self.kill()
            if not is_left.wait(STUCK_S):
                try:
                    if lacks_memory(_first_cause(problems)):
                        _note_lack_of_memory()
                finally:  # also where Ray's head does not take the note
                    os._exit(1)
            return


def lacks_memory(problem: BaseException) -> bool:
    """Return whether what a process has raised, or its death, means that it had too little memory."""
    is_death = isinstance(problem, ProcessDied) and LOW_MEMORY in str(problem)
    return is_death or memory_error_in(problem) is not None


def lacked_memory(actor_id: str) -> bool:
    """Return whether a worker has ended since another process of its trial had too little memory.

    False as well if Ray's head does not say so.
    """
    import ray
    from ray.experimental.internal_kv import _internal_kv_exists

    try:
        return bool(_internal_kv_exists(actor_id.encode(), namespace=NAMESPACE))
    except ray.exceptions.RayError:
        return False


def _note_lack_of_memory() -> None:
    """Leave a note for `lacked_memory` that stays when this process has ended."""
    import ray
    from ray.experimental.internal_kv import _internal_kv_put

    actor_id = ray.get_runtime_context().get_actor_id()
    assert actor_id is not None, "a worker is an actor"
    _internal_kv_put(actor_id.encode(), b"", namespace=NAMESPACE)


def _problem_of(call: Any) -> Exception | None:
    """Return why a call of a method of Rank that has ended has failed; None if it has not."""
    import ray

    try:
        ray.get(call)
        return None
    except ray.exceptions.RayTaskError as error:
        cause: Exception = error.cause
        return cause
    except Exception as error:
        return ProcessDied(str(error))


def _first_cause(problems: list[Exception]) -> Exception:
    """Return what the others come of: a death among the problems of several processes, or the first."""
    deaths = [problem for problem in problems if isinstance(problem, ProcessDied)]
    return (deaths or problems)[0]


def network_of(address: str) -> dict[str, str]:
    """Return the variables by which gloo and NCCL use the network in which this node has an address.

    By itself gloo takes the address to which the node's name leads, which may be one of this node
    alone. What the user has set stays.
    """
    for interface, entries in psutil.net_if_addrs().items():
        if any(
            entry.family in (socket.AF_INET, socket.AF_INET6) and entry.address == address
            for entry in entries
        ):
            names = [f"{library}_SOCKET_IFNAME" for library in ("GLOO", "NCCL")]
            return {name: os.environ.get(name, interface) for name in names}
    return {}
