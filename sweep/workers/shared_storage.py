"""Whether all nodes of a Ray cluster see the same checkpoints: asked before a sweep begins."""

from __future__ import annotations

import uuid
from typing import Any

from sweep.workers.checkpoints import Storage

PATIENCE_S = 120.0  # with a node that is to start a process


def why_not_shared(url: str) -> str:
    """Return in a sentence why not all nodes of the Ray cluster see an address; "" if all do.

    The driver writes a marker there, and each node that is up reads it and writes one of its own.
    """
    storage, marker = Storage(url), f"seen-by-all-{uuid.uuid4().hex}"
    try:
        storage.refuse_new_bucket()
        _mark(storage, marker)
    except Exception as error:  # of an object store, of its client
        return f"checkpoints and models must be kept where we can write, but {url}: {_why(error)}."
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    def ask(node: str) -> Any:
        there = NodeAffinitySchedulingStrategy(node, soft=False)
        look = ray.remote(_look).options(num_cpus=0, scheduling_strategy=there)
        return look.remote(storage, marker)

    up = [node for node in ray.nodes() if node["Alive"]]
    answers = [(node["NodeManagerAddress"], ask(node["NodeID"])) for node in up]
    try:
        for node, answer in answers:
            if trouble := ray.get(answer, timeout=PATIENCE_S):
                return (
                    f"the node {node} must see and write what is kept in {url}, but {trouble}: set "
                    f"checkpoints.storage_path to a folder that all nodes share, or to "
                    f"s3://BUCKET/PREFIX with credentials in the environment of each."
                )
    except (ray.exceptions.RayError, TimeoutError) as error:
        return f"a node cannot be asked whether it sees {url}: {_why(error)}."
    finally:
        storage.delete(marker)
    return ""


def _mark(storage: Storage, name: str) -> None:
    with storage.write(name) as folder:
        (folder / "marker").touch()


def _look(storage: Storage, marker: str) -> str:
    """Return, on a node, what keeps it from reading the marker and from writing one; "" if nothing."""
    mine = f"{marker}-{uuid.uuid4().hex}"
    try:
        with storage.read(marker) as folder:
            if folder is None or not (folder / "marker").exists():
                return "does not"
        _mark(storage, mine)
        storage.delete(mine)
    except Exception as error:  # of an object store, of its client
        return _why(error)
    return ""


def _why(error: Exception) -> str:
    if isinstance(error, ImportError):
        return (
            f"{error}; `pip install -e '.[s3]'` brings s3fs" if "s3fs" in str(error) else str(error)
        )
    return f"{type(error).__name__}: {error}".splitlines()[0]
