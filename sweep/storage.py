"""Folders that outlive the node that wrote them: a path all nodes see, or s3:// and the like (fsspec).

URL/NAME/latest     the name of the folder that is whole
URL/NAME/SERIAL/    the folder; an older one is deleted once a newer one is named
"""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec


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

    @property
    def _files(self) -> Any:
        return fsspec.core.url_to_fs(self.url)[0]

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
