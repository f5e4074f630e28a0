"""Stores of checkpoints and models, which outlive the node that wrote them.

A store is a path that all nodes see, or an address as s3://BUCKET/PREFIX that fsspec knows:

URL/NAME/latest     the name of the newest complete folder, its SERIAL
URL/NAME/SERIAL/    that folder; the one before it is deleted once this one is named
"""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fsspec

if TYPE_CHECKING:
    from sweep.config.spec import Checkpoints

CHECKPOINTS, MODELS = "checkpoints", "models"  # folders below one root, one for each store


def folder_name(number: int) -> str:
    """Return the name of every folder of trial `number`: its state, its model, Tune's own; as 0007."""
    return f"{number:04}"


@dataclass(frozen=True)
class FolderStore:
    """Named folders below one path or address, each replaced as a whole.

    It can be pickled, so that workers get it. Credentials come from the environment of each node.

    url: a local path, or an address that fsspec knows.
    """

    url: str

    @contextmanager
    def write(self, name: str) -> Iterator[Path]:
        """Yield an empty local folder to fill; it becomes the latest of its name as the block ends.

        If the block raises, the latest stays as it was.
        """
        files, root = self._files, f"{self._root}/{name}"
        earlier_paths = [path for path in self._paths_in(root) if not path.endswith("/latest")]
        serial = uuid.uuid4().hex
        if self._is_local:
            folder = Path(root, serial)
            folder.mkdir(parents=True)
            yield folder
            _flush_to_disk(folder)  # else a power cut could leave a name without its folder
            pointer = Path(root, "latest.new")
            pointer.write_text(serial)
            pointer.replace(Path(root, "latest"))  # in one step, as an object store writes a file
        else:
            with tempfile.TemporaryDirectory() as local_folder:
                yield Path(local_folder)
                files.put(f"{local_folder}/", f"{root}/{serial}/", recursive=True)
            files.pipe_file(f"{root}/latest", serial.encode())
        for path in earlier_paths:
            with suppress(FileNotFoundError):
                files.rm(path, recursive=True)

    @contextmanager
    def read(self, name: str) -> Iterator[Path | None]:
        """Yield a local path of the latest folder of a name, or None if there is none.

        The path may be a copy, which is deleted as the block ends.
        """
        files, root = self._files, f"{self._root}/{name}"
        try:
            serial = files.cat_file(f"{root}/latest").decode()
        except FileNotFoundError:
            yield None
            return
        if self._is_local:
            yield Path(root, serial)
            return
        with tempfile.TemporaryDirectory() as local_folder:
            files.get(f"{root}/{serial}/", f"{local_folder}/", recursive=True)
            yield Path(local_folder)

    def delete(self, name: str) -> None:
        """Delete every folder of a name, if there is any."""
        with suppress(FileNotFoundError):
            self._files.rm(f"{self._root}/{name}", recursive=True)

    def refuse_new_bucket(self) -> None:
        """Raise unless the bucket of the address exists: a client may create a mistyped one.

        Raises:
            FileNotFoundError: there is no such bucket.
        """
        bucket = self._root.partition("/")[0]
        if bucket and not self._files.exists(bucket):
            raise FileNotFoundError(f"there is no bucket {bucket}")

    @property
    def _files(self) -> Any:
        """The fsspec file system of the address, without a cache of listings: others write there."""
        return fsspec.core.url_to_fs(self.url, use_listings_cache=False)[0]

    @property
    def _root(self) -> str:
        """The path of the store in its file system, without a slash at its end."""
        return str(fsspec.core.url_to_fs(self.url)[1]).rstrip("/")

    @property
    def _is_local(self) -> bool:
        """Whether the store is a path, on this machine or mounted."""
        return isinstance(self._files, fsspec.implementations.local.LocalFileSystem)

    def _paths_in(self, folder: str) -> list[str]:
        """Return the paths in a folder of the file system; none if there is no such folder."""
        try:
            return [str(path) for path in self._files.ls(folder, detail=False)]
        except FileNotFoundError:
            return []


@dataclass(frozen=True)
class CheckpointStores:
    """The two stores of a sweep.

    checkpoints: where workers keep the state of running trials, or None if they keep none.
    models: where workers leave finished models for the record, or None if they leave none.
    """

    checkpoints: FolderStore | None = None
    models: FolderStore | None = None

    @classmethod
    def under(cls, root: str, keep: Checkpoints) -> CheckpointStores:
        """Return the stores below a path or address; `keep` says which of the two are wanted."""
        return cls(
            checkpoints=FolderStore(f"{root}/{CHECKPOINTS}") if keep.resume else None,
            models=FolderStore(f"{root}/{MODELS}") if keep.model else None,
        )


def _flush_to_disk(folder: Path) -> None:
    """Write every file below a folder to the disk itself (fsync)."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
