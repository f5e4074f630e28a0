"""Check, before a sweep begins, that all nodes of a Ray cluster see the same stored folders."""

from __future__ import annotations

import uuid
from typing import Any

from sweep.workers.checkpoints import FolderStore
from trainables.assets.errors import AssetError
from trainables.schema.text.masking import masked
from trainables.schema.text.shown import kind_and_line

NODE_TIMEOUT_S = 120.0  # in which a node must start a process and answer


def why_not_shared(url: str, *, is_named: bool = False) -> str:
    """Return a sentence on why not all nodes of the Ray cluster share a place, or "" if they do.

    The driver writes a marker there. Each node that is up reads it and writes one of its own.

    Args:
        url: of the place, a path or an address that fsspec knows.
        is_named: whether it is one that a spec names, which a machine may forbid.
    """
    store, marker = FolderStore(url), f"seen-by-all-{uuid.uuid4().hex}"
    try:
        if is_named:
            store.refuse_forbidden()
    except AssetError as error:
        return f"checkpoints.storage_path: {error}"
    try:
        store.refuse_new_bucket()
        _write_marker(store, marker)
    except Exception as error:  # of an object store, of its client
        return (
            f"checkpoints and models must be kept in a place that can be written, but {url} cannot: "
            f"{_reason(error)}."
        )
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    def start_check(node_id: str) -> Any:
        """Start the check on a node, and return the reference of its result."""
        on_node = NodeAffinitySchedulingStrategy(node_id, soft=False)
        task = ray.remote(_why_not_usable).options(num_cpus=0, scheduling_strategy=on_node)
        return task.remote(store, marker, is_named)

    nodes = [node for node in ray.nodes() if node["Alive"]]
    checks = [(node["NodeManagerAddress"], start_check(node["NodeID"])) for node in nodes]
    try:
        for address, check in checks:
            if reason := ray.get(check, timeout=NODE_TIMEOUT_S):
                return (
                    f"the node {address} must read and write in {url}, but {reason}: set "
                    f"checkpoints.storage_path to a folder that all nodes share, or to "
                    f"s3://BUCKET/PREFIX with credentials in the environment of each."
                )
    except (ray.exceptions.RayError, TimeoutError) as error:
        return f"a node must answer whether it sees {url}, but did not: {_reason(error)}."
    finally:
        store.delete(marker)
    return ""


def _write_marker(store: FolderStore, name: str) -> None:
    """Write a folder of this name with an empty file."""
    with store.write(name) as folder:
        (folder / "marker").touch()


def _why_not_usable(store: FolderStore, marker: str, is_named: bool) -> str:
    """Return why this node can not read the marker or write one of its own, or "" if it can.

    Runs on each node.
    """
    own_marker = f"{marker}-{uuid.uuid4().hex}"
    try:
        if is_named:
            store.refuse_forbidden()
        with store.read(marker) as folder:
            if folder is None or not (folder / "marker").exists():
                return "does not"
        _write_marker(store, own_marker)
        store.delete(own_marker)
    except Exception as error:  # of an object store, of its client
        return _reason(error)
    return ""


def _reason(error: Exception) -> str:
    """Return the first line of an error with its type, or how to install what is missing."""
    if isinstance(error, ImportError):
        return (
            f"{error}; `pip install -e '.[s3]'` brings s3fs" if "s3fs" in str(error) else str(error)
        )
    return masked(kind_and_line(error))
