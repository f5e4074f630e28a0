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
from typing import TYPE_CHECKING, Any

import fsspec

if TYPE_CHECKING:
    from sweep.config.spec import Checkpoints


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


@dataclass(frozen=True)
class CheckpointStores:
    """Where workers keep the state of running trials and leave finished models; None: nowhere."""

    checkpoints: Storage | None = None
    models: Storage | None = None

    @classmethod
    def under(cls, root: str, keep: Checkpoints) -> CheckpointStores:
        """Return the stores under a folder or address, of what a spec says is to be kept."""
        return cls(
            checkpoints=Storage(f"{root}/checkpoints") if keep.resume else None,
            models=Storage(f"{root}/models") if keep.model else None,
        )


def _on_disk(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
