"""What goes with a sweep to a cluster: its spec, the user's own data files, and their digests."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from sweep import workspace
from sweep.config.spec import SweepSpec
from sweep.tracking.whole_file import sync
from trainables.assets import cache
from trainables.assets.catalogue import CATALOGUE
from trainables.assets.folder_files import files_below
from trainables.config import TrialConfig
from trainables.data.files.kinds import kind_of
from trainables.harness.own_files import strings_in
from trainables.models import miniature
from trainables.schema.text.shown import MAX_NAME, as_word

MAX_BYTES = 50 * 2**20  # of all data files of a sweep
KNOWN_MODELS = frozenset((*CATALOGUE, *miniature.MODELS))  # which no folder of the name replaces
RESERVED = (workspace.SPEC, workspace.HARNESS_TASKS)  # names beside which the files lie


class NotShipped(ValueError):
    """A file that a spec names cannot go with it to a cluster; the sentence says what would work."""


@dataclass(frozen=True)
class Shipped:
    """What is uploaded of a sweep.

    spec:          text of its spec; empty if there is none.
    files:         name in the spec -> contents of each data file.
    harness_tasks: a folder of tasks of lm-evaluation-harness that it measures. Hidden files stay.
    tasks_digest:  the sha256 of that folder, as trainables/assets/cache.py has it.
    elsewhere:     paths in the spec that must be on every node, as they begin with / or ~.
    """

    spec: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)
    harness_tasks: Path | None = None
    tasks_digest: str = ""
    elsewhere: tuple[str, ...] = ()

    @property
    def contents(self) -> dict[str, bytes]:
        """The contents of the spec, if there is one, and of each data file, by its name."""
        spec = {workspace.SPEC: self.spec.encode()} if self.spec else {}
        return {**spec, **self.files}

    @property
    def digests(self) -> dict[str, str]:
        """The sha256 of each of these files, and of the folder of tasks, by its name."""
        tasks = {workspace.HARNESS_TASKS: self.tasks_digest} if self.harness_tasks else {}
        return {n: hashlib.sha256(data).hexdigest() for n, data in self.contents.items()} | tasks

    def write(self, folder: Path) -> None:
        """Write everything into an empty folder, and onto the disk."""
        for name, data in self.contents.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            sync(path)
        if self.harness_tasks:
            for name, file in files_below(self.harness_tasks).items():
                copy = folder / workspace.HARNESS_TASKS / name
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)
                sync(copy)
        for path in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
            sync(path)


def shipped(spec: SweepSpec, text: str, harness_tasks: Path | None = None) -> Shipped:
    """Return what is uploaded of a sweep.

    text: of the file of the spec, as it was checked; its relative paths are from the current folder.

    Raises:
        NotShipped: a data file is not here, lies outside of the folder, or all are too large, with the
            tasks; or the model is a folder of this machine.
    """
    files: dict[str, bytes] = {}
    elsewhere: dict[str, None] = {}
    num_bytes, tasks_digest = _size_and_digest(harness_tasks) if harness_tasks else (0, "")
    if num_bytes > MAX_BYTES:
        raise NotShipped(
            f"the folder of tasks {as_word(harness_tasks, MAX_NAME)} must have at most "
            f"{MAX_BYTES >> 20} MiB to go with {spec.name}, but has {num_bytes / 2**20:.1f}: keep the "
            f"rows on the Hub, or name a folder that has the tasks alone."
        )
    trials = spec.trials()
    for name in dict.fromkeys(name for trial in trials for name in _data_files(trial)):
        if name.startswith(("/", "~")):
            elsewhere[name] = None
            continue
        size = _size(name)
        num_bytes += size
        if num_bytes > MAX_BYTES:
            raise NotShipped(
                f"the data files and tasks of {spec.name} must have at most {MAX_BYTES >> 20} MiB to "
                f"go with it, but have more with {as_word(name, MAX_NAME)} ({size / 2**20:.1f} MiB): "
                f"copy them to every node, and name them by a path that begins with /."
            )
        files[name] = _contents(name)
    for model in dict.fromkeys(trial.model.path for trial in trials):
        if model.startswith(("/", "~")):
            elsewhere[model] = None
        elif model not in KNOWN_MODELS and Path(model).exists():
            raise NotShipped(
                f"model.path must be a model that the nodes of the cluster can get, but "
                f"{as_word(model, MAX_NAME)} is a folder of this machine: name one on the Hub, or copy "
                f"it to every node and name it by a path that begins with /."
            )
    return Shipped(text, files, harness_tasks, tasks_digest, tuple(elsewhere))


def _data_files(trial: TrialConfig) -> Iterator[str]:
    """Yield the names of the user's own data files in the configuration of a trial."""
    yield from (text for text in strings_in(trial.tree()) if kind_of(text))


def _size(name: str) -> int:
    """Return the number of bytes of a data file of this machine.

    Raises:
        NotShipped: there is none, or it does not lie below the current folder.
    """
    shown, parts = as_word(name, MAX_NAME), PurePosixPath(name).parts
    if ".." in parts or parts[0] in RESERVED:
        raise NotShipped(
            f"a data file that goes with the sweep must lie below the folder of the command, under "
            f"another name than {' and '.join(RESERVED)}, but got {shown}: copy it there, or name one "
            f"of every node by a path that begins with /."
        )
    if not Path(name).is_file():
        raise NotShipped(
            f"there is no file {shown}, looked for from {as_word(Path.cwd(), MAX_NAME)}: give its "
            f"path, or name one of every node by a path that begins with /."
        )
    return Path(name).stat().st_size


def _size_and_digest(tasks: Path) -> tuple[int, str]:
    """Return the number of bytes of a folder of tasks, and its sha256.

    Raises:
        NotShipped: it cannot be read, or has too many files.
    """
    try:
        size = sum(file.stat().st_size for file in files_below(tasks).values())
        return size, cache.digest(tasks)
    except (OSError, ValueError) as error:
        raise NotShipped(
            f"the folder of tasks {as_word(tasks, MAX_NAME)} must be one that can be read, but: {error}"
        ) from error


def _contents(name: str) -> bytes:
    """Return the bytes of a data file; raise NotShipped if it cannot be read."""
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise NotShipped(
            f"{as_word(name, MAX_NAME)} must be a file that can be read, but: {error.strerror}."
        ) from error
