"""Folders that outlive the node that wrote them: a path all nodes see, or s3:// and the like (fsspec).

URL/NAME/latest     the name of the folder that is whole
URL/NAME/SERIAL/    the folder; an older one is deleted once a newer one is named
"""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec

PATIENCE_S = 120.0  # with a node that is to start a process


def checkpoint_name(number: int) -> str:
    """Of the state of a trial."""
    return f"{number:04}"


def model_name(number: int) -> str:
    """Of a trial's finished model."""
    return f"{number:04}"


@dataclass(frozen=True)
class Storage:
    """Picklable, so that workers get it; credentials are from the environment of each node."""

    url: str

    @contextmanager
    def write(self, name: str) -> Iterator[Path]:
        """A new folder to write; it is the latest once the block ends, and not before."""
        files, root = self._files, f"{self._root}/{name}"
        older = [path for path in self._listed(root) if not path.endswith("/latest")]
        serial = uuid.uuid4().hex
        if self._is_local:
            folder = Path(root, serial)
            folder.mkdir(parents=True)
            yield folder
        else:
            with tempfile.TemporaryDirectory() as here:
                yield Path(here)
                files.put(f"{here}/", f"{root}/{serial}/", recursive=True)
        if self._is_local:  # named at once or not at all; an object store does so of itself
            _on_disk(folder)  # else a power cut could leave a name for what is not there
            named = Path(root, "latest.new")
            named.write_text(serial)
            named.replace(Path(root, "latest"))
        else:
            files.pipe_file(f"{root}/latest", serial.encode())
        for path in older:
            with suppress(FileNotFoundError):
                files.rm(path, recursive=True)

    @contextmanager
    def read(self, name: str) -> Iterator[Path | None]:
        """The latest folder of a name, for as long as the block lasts; None if there is none."""
        files, root = self._files, f"{self._root}/{name}"
        try:
            serial = files.cat_file(f"{root}/latest").decode()
        except FileNotFoundError:
            yield None
            return
        if self._is_local:
            yield Path(root, serial)
            return
        with tempfile.TemporaryDirectory() as here:
            files.get(f"{root}/{serial}/", f"{here}/", recursive=True)
            yield Path(here)

    def delete(self, name: str) -> None:
        """All of a name; nothing if there is none."""
        with suppress(FileNotFoundError):
            self._files.rm(f"{self._root}/{name}", recursive=True)

    def refuse_new_bucket(self) -> None:
        """A client may make one where its name is mistyped.

        Raises:
            FileNotFoundError: there is none.
        """
        bucket = self._root.partition("/")[0]
        if bucket and not self._files.exists(bucket):
            raise FileNotFoundError(f"there is no bucket {bucket}")

    @property
    def _files(self) -> Any:
        # Others write there too, so what was listed before does not count.
        return fsspec.core.url_to_fs(self.url, use_listings_cache=False)[0]

    @property
    def _root(self) -> str:
        return str(fsspec.core.url_to_fs(self.url)[1]).rstrip("/")

    @property
    def _is_local(self) -> bool:
        return isinstance(self._files, fsspec.implementations.local.LocalFileSystem)

    def _listed(self, root: str) -> list[str]:
        try:
            return [str(path) for path in self._files.ls(root, detail=False)]
        except FileNotFoundError:
            return []


def unseen(url: str) -> str:
    """Why what one node keeps there is not seen by another, as a sentence; nothing if all see it.

    Every node of the Ray cluster that is up is asked.
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
    """On a node: what keeps it from seeing the marker and from leaving one beside it."""
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


def _on_disk(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
