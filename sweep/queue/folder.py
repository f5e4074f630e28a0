"""The folder of a queue: a folder for each entry, written whole or not at all, and onto the disk.

$SWEEP_HOME/.queue/
  .lock                   held while entries are added or changed
  .serving                held by the one `sweep queue serve`, as long as it lives
  NNNNNN-NAME/entry.json  the entry (sweep/queue/entry.py)
  NNNNNN-NAME/files/      the spec and what goes with it: what its job runs in

No name of a sweep begins with a dot. A name in an entry is that of a sweep, and the names of the user's
files are relative and have no `..`; so nothing leads out of the folder.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from sweep import workspace
from sweep.queue.entry import FOLDER, BadEntry, Entry, from_text
from sweep.remote.shipped import Shipped
from sweep.tracking.entries.kinds import now
from sweep.tracking.whole_file import sync, write_whole
from trainables.assets import cache
from trainables.schema.text.shown import MAX_NAME, as_word

ENTRY, FILES = "entry.json", "files"
LOCK, SERVING = ".lock", ".serving"
MAX_ENTRY = 1_000_000  # bytes
LOCK_S = 30.0  # until whoever holds the lock counts as hung


class Refused(ValueError):
    """The queue does not do what it is asked; the sentence says why."""


def home() -> Path:
    """Return the path of the queue of this machine."""
    return workspace.home() / ".queue"


class Queue:
    """The entries in a folder.

    on_damage: called once with a sentence for each folder that holds no entry; it is left as it is.
    """

    def __init__(self, folder: Path, on_damage: Callable[[str], None] = lambda _: None) -> None:
        self.folder = folder
        self._on_damage = on_damage
        self._told: set[str] = set()

    def entries(self) -> list[Entry]:
        """Return all entries, in the order of arrival."""
        return [entry for entry in map(self._read, self._folders()) if entry is not None]

    def waiting(self) -> list[Entry]:
        """Return the entries that wait, in the order in which they begin."""
        return sorted((e for e in self.entries() if e.state == "waiting"), key=lambda e: e.rank)

    def place(self, entry: Entry) -> int:
        """Return the place of a waiting entry among those that wait, from 1; 0 if it does not wait."""
        numbers = [waiting.number for waiting in self.waiting()]
        return numbers.index(entry.number) + 1 if entry.number in numbers else 0

    def open_entry(self, name: str) -> Entry:
        """Return the entry of a sweep that waits or runs.

        Raises:
            Refused: there is none.
        """
        entries = self.entries()
        for entry in entries:
            if entry.sweep == name and entry.is_open:
                return entry
        ended = [entry.state for entry in entries if entry.sweep == name]
        names = ", ".join(entry.sweep for entry in entries if entry.is_open)
        raise Refused(
            f"no entry of {as_word(name)!r} waits or runs in the queue"
            f"{f' (its last one is {ended[-1]})' if ended else ''}"
            f"{f': it has {names}' if names else ', which is empty'}."
        )

    def files(self, entry: Entry) -> Path:
        """Return the folder of the spec of an entry, and of what goes with it."""
        return self.folder / entry.folder_name / FILES

    def add(self, name: str, shipped: Shipped, key: str = "", **settings: Any) -> Entry:
        """Add a sweep, and return its entry once it is on the disk.

        Args:
            name: of the sweep.
            shipped: its spec, and what goes with it.
            key: 32 hexadecimal digits; a second entry of the same key is not made, and the first one
                returned. One is drawn if left out.
            settings: further fields of the entry.

        Raises:
            Refused: an entry of the sweep waits or runs already.
            OSError: the folder cannot be written; nothing was added.
        """
        key = key or uuid.uuid4().hex
        with self._changing():
            folders = self._folders()
            entries = self.entries()
            for entry in entries:
                if entry.key == key:
                    return entry
            if any(entry.sweep == name and entry.is_open for entry in entries):
                raise Refused(
                    f"{name} waits or runs in the queue already: `sweep queue` lists it, and `sweep "
                    f"queue remove {name}` takes it out."
                )
            last = max((int(f.name.partition("-")[0]) for f in folders), default=0)
            entry = Entry(
                number=last + 1, sweep=name, key=key, files=shipped.digests,
                has_tasks=shipped.harness_tasks is not None, added=now(), **settings,
            )  # fmt: skip
            partial = self.folder / f".{key}.partial"
            try:
                (partial / FILES).mkdir(parents=True)
                shipped.write(partial / FILES)
                write_whole(partial / ENTRY, entry.to_json())
                sync(partial)
                partial.rename(self.folder / entry.folder_name)
            except BaseException:
                shutil.rmtree(partial, ignore_errors=True)
                raise
            sync(self.folder)
        return entry

    def change(self, number: int, **fields: Any) -> Entry:
        """Write some fields of an entry anew, onto the disk; return it."""
        with self._changing():
            return self._change(self._numbered(number), **fields)

    def move(self, name: str, priority: int) -> Entry:
        """Give a sweep that waits or runs another priority; return its entry.

        Raises:
            Refused: no entry of it waits or runs.
        """
        with self._changing():
            return self._change(self.open_entry(name), priority=priority)

    def remove(self, name: str) -> Entry:
        """Take a sweep that waits out of the queue; return its entry, which stays listed.

        Raises:
            Refused: no entry of it waits.
        """
        with self._changing():
            entry = self.open_entry(name)
            if entry.state == "running":
                raise Refused(
                    f"{name} must wait to be removed from the queue, but runs: `sweep stop {name}` or "
                    f"`sweep cancel {name}` ends it."
                )
            return self._change(entry, state="removed", ended=now())

    def begin(self, number: int) -> Entry | None:
        """Write that a waiting entry runs, before it is started; None if it waits no more."""
        with self._changing():
            entry = self._numbered(number)
            if entry.state != "waiting":
                return None
            return self._change(entry, state="running", began=now(), attempt=entry.attempt + 1)

    def why_changed(self, entry: Entry) -> str:
        """Return a sentence if the files of an entry are not as they came with it; "" if they are."""
        for name, digest in entry.files.items():
            path = self.files(entry) / name
            if not path.exists() or cache.digest(path) != digest:
                return (
                    f"{as_word(path, MAX_NAME)} must be as it came with the sweep, but is not: submit "
                    f"it again."
                )
        return ""

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Within the block, be the one that serves the queue.

        Raises:
            Refused: another process serves it.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            # Those who ask whether it is served hold it for a moment.
            with FileLock(self.folder / SERVING, timeout=1):
                self._clear_partial()
                yield
        except Timeout:
            raise Refused(
                f"the queue in {as_word(self.folder, MAX_NAME)} is served by another process already."
            ) from None

    def is_served(self) -> bool:
        """Return whether a process serves the queue now."""
        if not (self.folder / SERVING).exists():
            return False
        try:
            with FileLock(self.folder / SERVING, timeout=0):
                return False
        except Timeout:
            return True

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Within the block, be the only one that changes entries.

        Raises:
            Refused: another process does not come to an end with that.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with FileLock(self.folder / LOCK, timeout=LOCK_S):
                yield
        except Timeout:
            raise Refused(
                f"the queue in {as_word(self.folder, MAX_NAME)} is being changed by a process that "
                f"does not come to an end: try again."
            ) from None

    def _folders(self) -> list[Path]:
        """Return the folders of entries, in the order of arrival."""
        with suppress(FileNotFoundError):
            found = [path for path in self.folder.iterdir() if FOLDER.fullmatch(path.name)]
            return sorted(found, key=lambda path: int(path.name.partition("-")[0]))
        return []

    def _read(self, folder: Path) -> Entry | None:
        """Return the entry in a folder; None, and a sentence to `on_damage`, if it holds none."""
        path = folder / ENTRY
        try:
            with path.open("rb") as file:
                return from_text(file.read(MAX_ENTRY), folder.name)
        except OSError as error:
            problem = error.strerror or str(error)
        except BadEntry as error:
            problem = str(error)
        sentence = (
            f"{as_word(path, MAX_NAME)} must hold an entry of the queue, but: "
            f"{as_word(problem, MAX_NAME)}: put the file back, or submit the sweep again."
        )
        if sentence not in self._told:
            self._told.add(sentence)
            self._on_damage(sentence)
        return None

    def _numbered(self, number: int) -> Entry:
        """Return the entry of a number; raise Refused if there is none any more."""
        for entry in self.entries():
            if entry.number == number:
                return entry
        raise Refused(f"the queue has no entry {number} any more.")

    def _change(self, entry: Entry, **fields: Any) -> Entry:
        """Write some fields of an entry anew; the lock is held."""
        changed = Entry.model_validate(entry.model_dump() | fields)
        folder = self.folder / entry.folder_name
        write_whole(folder / ENTRY, changed.to_json())
        sync(folder)
        return changed

    def _clear_partial(self) -> None:
        """Delete what additions have left that a kill or a power cut has ended."""
        with self._changing():
            for path in self.folder.glob(".*.partial"):
                shutil.rmtree(path, ignore_errors=True)
