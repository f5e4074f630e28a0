"""Stores of checkpoints and models, which outlive the node that wrote them.

A store is a path that all nodes see, or an address as s3://BUCKET/PREFIX that fsspec knows:

URL/NAME/latest     the name of the newest complete folder, its SERIAL: 32 digits of 0–9 and a–f
URL/NAME/SERIAL/    that folder; the one before it is deleted once this one is named
"""

from __future__ import annotations

import logging
import os
import re
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fsspec

from trainables.assets.errors import AssetError
from trainables.assets.safe_files import ROOTS, are_limited, refuse_outside
from trainables.schema.text.shown import as_value

if TYPE_CHECKING:
    from sweep.config.spec import Checkpoints

CHECKPOINTS, MODELS = "checkpoints", "models"  # folders below one root, one for each store


log = logging.getLogger(__name__)

OBJECT_STORES = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss")
LATEST, SERIAL = "latest", re.compile("[0-9a-f]{32}")


class DamagedFolder(ValueError):
    """What is stored under a name is not as it was written; the sentence says what is wrong with it."""


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
        earlier_paths = [path for path in self._paths_in(root) if not path.endswith(f"/{LATEST}")]
        serial = uuid.uuid4().hex
        if self._is_local:
            folder = Path(root, serial)
            folder.mkdir(parents=True)
            yield folder
            pointer = Path(root, f"{LATEST}.new")
            pointer.write_text(serial)
            for written in (*folder.rglob("*"), folder, pointer, pointer.parent):
                _flush_to_disk(written)  # else a power cut could leave a name without its folder
            pointer.replace(Path(root, LATEST))  # in one step, as an object store writes a file
            _flush_to_disk(pointer.parent)  # before the folder that it named is deleted
        else:
            with tempfile.TemporaryDirectory() as local_folder:
                yield Path(local_folder)
                files.put(f"{local_folder}/", f"{root}/{serial}/", recursive=True)
            files.pipe_file(f"{root}/{LATEST}", serial.encode())
        for path in earlier_paths:
            with suppress(FileNotFoundError):
                files.rm(path, recursive=True)

    @contextmanager
    def read(self, name: str) -> Iterator[Path | None]:
        """Yield a local path of the latest folder of a name, or None if there is none.

        The path may be a copy, which is deleted as the block ends.

        Raises:
            DamagedFolder: what says which folder is the latest names none.
        """
        files, root = self._files, f"{self._root}/{name}"
        try:
            serial = files.cat_file(f"{root}/{LATEST}").decode(errors="replace")
        except FileNotFoundError:
            yield None
            return
        except IsADirectoryError:
            raise DamagedFolder(f"{root}/{LATEST} must be a file, but is a folder") from None
        if not SERIAL.fullmatch(serial):  # it could be any path
            raise DamagedFolder(
                f"{root}/{LATEST} must hold 32 digits of 0–9 and a–f, the name of a folder beside it, "
                f"but holds {as_value(serial)}"
            )
        gone = f"{root}/{LATEST} must name a folder beside it, but {serial} is not there"
        if self._is_local:
            if not Path(root, serial).is_dir():
                raise DamagedFolder(gone)
            yield Path(root, serial)
            return
        with tempfile.TemporaryDirectory() as local_folder:
            try:
                files.get(f"{root}/{serial}/", f"{local_folder}/", recursive=True)
            except FileNotFoundError:
                raise DamagedFolder(gone) from None
            yield Path(local_folder)

    def delete(self, name: str) -> None:
        """Delete every folder of a name, if there is any."""
        with suppress(FileNotFoundError):
            self._files.rm(f"{self._root}/{name}", recursive=True)

    def refuse_forbidden(self) -> None:
        """Raise if this machine forbids configurations to name the place.

        Raises:
            AssetError: it is a local path outside of the folders that are allowed, or, where some are
                alone allowed, no object store.
        """
        scheme, separator, _ = self.url.partition("://")
        if not are_limited() or (separator and scheme in OBJECT_STORES):
            return
        if separator and scheme not in ("file", "local"):
            raise AssetError(
                f"{as_value(self.url)} must be a folder or one of {', '.join(OBJECT_STORES)}, as this "
                f"machine limits what may be used ({ROOTS})."
            )
        refuse_outside(Path(self._root))

    def refuse_new_bucket(self) -> None:
        """Raise unless the bucket of the address exists: a client may create a mistyped one.

        Raises:
            FileNotFoundError: there is no such bucket.
            Exception: of an object store, of its client: it cannot be asked.
        """
        if not (bucket := self._root.partition("/")[0]):
            return
        try:
            self._files.info(bucket)
        except FileNotFoundError:
            raise FileNotFoundError(f"there is no bucket {bucket}") from None
        except PermissionError:  # to ask for the bucket may be forbidden where to use it is not
            if not self._files.exists(bucket):
                raise

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

    @contextmanager
    def finished_model(self, number: int, *, is_due: bool) -> Iterator[Path | None]:
        """Yield the folder of the finished model of a trial, or None; it may be moved away.

        What is left is deleted as the block ends, unless it is damaged, which is logged.

        is_due: whether there must be one, if models are kept.
        """
        if self.models is None:
            yield None
            return
        name = folder_name(number)
        with ExitStack() as stack:
            try:
                folder, problem = stack.enter_context(self.models.read(name)), "it is not there"
            except DamagedFolder as error:
                folder, problem = None, str(error)
            if folder is None and is_due:
                log.warning(
                    "the model of trial %d is not recorded, as %s must hold it, but %s",
                    number, f"{self.models.url}/{name}", problem,
                )  # fmt: skip
            yield folder
        if folder is not None or not is_due:
            self.models.delete(name)


def _flush_to_disk(path: Path) -> None:
    """Write a file, or the names in a folder, to the disk itself (fsync).

    Some mounted places take no such request for a folder, and keep it all the same.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError) if path.is_dir() else nullcontext():
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
