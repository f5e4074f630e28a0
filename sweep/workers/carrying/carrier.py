"""The actor on the driver's node that has what was built or given once, for all nodes."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from trainables.assets import cache, resolve
from trainables.assets.folder_files import files_below

ARRIVING = ".arriving-"  # begins the name of a folder in the cache
OLD_S = 86_400.0  # without a new place, after which a carrier's folder counts as left behind
LEASE_S = 60.0  # for which a node builds an entry without a sign of life
# Of the actor. Its process may die alone, of a lack of memory say, and is started anew.
OPTIONS = {"num_cpus": 0, "max_concurrency": 16, "max_restarts": -1, "max_task_retries": -1}

Turn = Literal["fetch", "build", "wait"]


class Part(NamedTuple):
    """A file of an entry or of an input: its path in it, its bytes, and their sha256.

    The path of an input that is one file is empty.
    """

    path: str
    size: int
    sha256: str


class Carrier:
    """Has entries of the cache and the inputs of a sweep, and says who builds an entry that none has.

    Its methods are called from other nodes, several at once.
    """

    def __init__(self, folder: Path, inputs: Mapping[str, str]) -> None:
        """Serve what is on this node.

        Args:
            folder: where the sweep was started, to which relative paths belong.
            inputs: name of each model and data set, as in the configuration -> its sha256.
        """
        os.chdir(folder)
        cache.cache_dir().mkdir(parents=True, exist_ok=True)
        for left in cache.cache_dir().glob(f"{ARRIVING}*"):  # by carriers that were killed
            if time.time() - left.stat().st_mtime > OLD_S:
                shutil.rmtree(left, ignore_errors=True)
        # Beside the entries, so that it can become one of them in one step.
        self._arriving = tempfile.TemporaryDirectory(dir=cache.cache_dir(), prefix=ARRIVING)
        self._inputs = dict(inputs)
        self._lock = threading.Lock()
        self._leases: dict[str, tuple[str, float]] = {}  # entry -> who builds it, until when

    def turn(self, entry: str, who: str) -> Turn:
        """Return what a process is to do for an entry: fetch it, build it, or ask again.

        who: a name of the process. One that builds calls this again while it does, and `release` at the
            end; if it falls silent for LEASE_S, another is asked to build.
        """
        with self._lock:
            if cache.has(entry):
                self._leases.pop(entry, None)
                return "fetch"
            builder, until = self._leases.get(entry, (who, 0.0))
            if builder != who and until > time.monotonic():
                return "wait"
            self._leases[entry] = (who, time.monotonic() + LEASE_S)
            return "build"

    def release(self, entry: str, who: str) -> None:
        """Let others build an entry that a process was to build, and did not."""
        with self._lock:
            if self._leases.get(entry, ("", 0.0))[0] == who:
                del self._leases[entry]

    def parts(self, entry: str) -> list[Part]:
        """Return the files of an entry that is here."""
        return _parts_in(cache.cache_dir() / entry)

    def parts_of_input(self, name: str) -> list[Part] | None:
        """Return the files of an input of the sweep; None if it is none, or is no path of this node."""
        folder = self._path_of(name)
        return None if folder is None else _parts_in(folder)

    def read(self, entry: str, path: str, start: int, size: int) -> bytes:
        """Return some bytes of a file of an entry."""
        return _read(cache.cache_dir() / entry, path, start, size)

    def read_input(self, name: str, path: str, start: int, size: int) -> bytes:
        """Return some bytes of a file of an input of the sweep."""
        folder = self._path_of(name)
        assert folder is not None
        return _read(folder, path, start, size)

    def expect(self) -> str:
        """Return the name of a new place for an entry that a process on another node has built."""
        return Path(tempfile.mkdtemp(dir=self._arriving.name)).name

    def receive(self, place: str, path: str, start: int, content: bytes) -> None:
        """Write some bytes of a file of an entry.

        Raises:
            FileNotFoundError: this process was started anew since `expect`, and what had come is gone.
        """
        file = _within(self._folder_of(place), path)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("r+b" if start else "wb") as stream:
            stream.seek(start)
            stream.write(content)

    def keep(self, entry: str, place: str) -> None:
        """Make what has arrived at a place an entry of this node's cache; raise as `receive` does."""
        with self._lock:
            cache.put(entry, self._folder_of(place))
            self._leases.pop(entry, None)

    def _folder_of(self, place: str) -> Path:
        """Return the folder of a place; raise FileNotFoundError if this process has made none."""
        folder = _within(Path(self._arriving.name), place)
        if not folder.is_dir():
            raise FileNotFoundError(folder)
        return folder

    def _path_of(self, name: str) -> Path | None:
        """Return the path of this node that an input of the sweep names, or None."""
        if name not in self._inputs or not os.path.exists(os.path.expanduser(name)):
            return None
        return resolve.resolve(name)


def start(inputs: Mapping[str, str]) -> tuple[Any, str]:
    """Start a carrier on this node; return the actor, and the id of the node.

    inputs: name of each model and data set of the sweep, as in the configuration -> its sha256.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    node = ray.get_runtime_context().get_node_id()
    actor = ray.remote(Carrier).options(
        **OPTIONS, scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)
    )
    return actor.remote(Path.cwd(), inputs), node


def _parts_in(folder: Path) -> list[Part]:
    """Return the files below a folder, or the file itself."""
    files: dict[str, Any] = files_below(folder) if folder.is_dir() else {"": folder}
    return [
        Part(name, file.stat().st_size, cache.digest(file))
        for name, file in files.items()
        if name != cache.MANIFEST
    ]


def _read(folder: Path, path: str, start: int, size: int) -> bytes:
    """Return some bytes of a file in a folder; `path` is empty if the folder is the file."""
    with (_within(folder, path) if path else folder).open("rb") as stream:
        stream.seek(start)
        return stream.read(size)


def _within(folder: Path, path: str) -> Path:
    """Return a path below a folder; raise ValueError if it leads out of it."""
    if Path(path).is_absolute() or ".." in Path(path).parts:
        raise ValueError(f"a part must lie below its folder, but got {path!r}.")
    return folder / path
