"""What a worker asks of the carrier: entries of the cache and inputs that its node lacks."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sweep.workers.carrying.carrier import LEASE_S, Part
from trainables.assets import cache, others
from trainables.assets.folder_files import files_below

CHUNK = 32 * 2**20  # bytes that the object store carries at once
ASK_AGAIN_S = 0.5


class Fetching(others.Others):
    """The other nodes of a sweep's cluster, seen from a worker of one of them.

    If the carrier has gone for good, this node builds what it needs: its driver goes with it, and with
    the driver this worker.
    """

    def __init__(self, carrier: Any, carrier_node: str) -> None:
        """Ask an actor of the class Carrier.

        carrier_node: the id of its node, whose cache needs no copies.
        """
        import ray

        self._carrier = carrier
        node = ray.get_runtime_context().get_node_id()
        self._is_there = node == carrier_node
        self._who = f"{node} {os.getpid()}"

    @contextmanager
    def entry(self, folder_name: str, folder: Path) -> Iterator[bool]:
        """Yield whether another node has built an entry, which is in the folder then.

        On the carrier's node it is in the cache.
        """
        import ray

        try:
            is_built = self._is_built(folder_name)
            if is_built and not self._is_there:
                parts = [Part(*part) for part in self._ask("parts", folder_name)]
                self._copy(parts, "read", folder_name, folder)
        except ray.exceptions.RayActorError:  # its driver has gone, and this worker will
            yield False
            return
        if is_built:
            yield True
            return
        with self._building(folder_name):
            yield False
            if not self._is_there:
                with suppress(ray.exceptions.RayError):  # then another node builds it, too
                    self._send(folder_name, folder)

    def input(self, name: str) -> Path | None:
        """Return this node's copy of a path that the carrier's node has, or None."""
        if self._is_there:
            return None
        parts = self._ask("parts_of_input", name)
        if parts is None:
            return None
        parts = [Part(*part) for part in parts]
        key = hashlib.sha256(repr(sorted(parts)).encode()).hexdigest()
        last = Path(name).name or "input"

        def build(folder: Path) -> None:
            self._copy(parts, "read_input", name, folder / last)

        before = others.share_with(others.Others())  # each node is to have its own
        try:
            return cache.once(f"carried/{key}", build) / last
        finally:
            others.share_with(before)

    def _is_built(self, entry: str) -> bool:
        """Wait until an entry is built, or this process is to build it; return whether it is built."""
        while (turn := self._ask("turn", entry, self._who)) == "wait":
            time.sleep(ASK_AGAIN_S)
        return bool(turn == "fetch")

    @contextmanager
    def _building(self, entry: str) -> Iterator[None]:
        """Within the block, keep the right to build an entry; give it up if the block raises."""
        import ray

        is_over = threading.Event()

        def stay() -> None:
            with suppress(ray.exceptions.RayActorError):
                while not is_over.wait(LEASE_S / 4):
                    self._ask("turn", entry, self._who)

        threading.Thread(target=stay, daemon=True).start()
        try:
            yield
        except BaseException:
            with suppress(ray.exceptions.RayActorError):
                self._ask("release", entry, self._who)
            raise
        finally:
            is_over.set()

    def _copy(self, parts: list[Part], method: str, name: str, folder: Path) -> None:
        """Fill a folder with files of the carrier; `folder` is the file itself if its path is empty.

        Raises:
            ValueError: a file is not what the carrier says it is.
        """
        for path, size, sha256 in parts:
            file = folder / path if path else folder
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("wb") as stream:
                for start in range(0, size, CHUNK):
                    stream.write(self._ask(method, name, path, start, CHUNK))
            if cache.digest(file) != sha256:
                raise ValueError(
                    f"{name} has changed while it was brought to this node: try again."
                )

    def _send(self, entry: str, folder: Path) -> None:
        """Give an entry that this node has built to the carrier."""
        place = self._ask("expect")
        for path, file in files_below(folder).items():
            with file.open("rb") as stream:
                start = 0
                while (content := stream.read(CHUNK)) or start == 0:
                    self._ask("receive", place, path, start, content)
                    start += max(1, len(content))
        self._ask("keep", entry, place)

    def _ask(self, method: str, *arguments: Any) -> Any:
        """Return the answer of the carrier."""
        import ray

        ask: Callable[..., Any] = getattr(self._carrier, method).remote
        return ray.get(ask(*arguments))
