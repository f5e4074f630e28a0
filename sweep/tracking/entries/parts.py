"""Divide an entry that is too much for MLflow into smaller ones that together record the same."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

from analysis.record.names import Artifact
from sweep.tracking.entries.kinds import (
    Attached,
    Closed,
    Entry,
    Opened,
    Tagged,
    contents,
    with_only,
)


def parts(entry: Entry, files: Path) -> list[Entry]:
    """Return smaller entries that together record the same; none if the entry cannot be divided.

    Settings, metrics and tags are divided in two, and a folder into its files. A run ends after its
    last tags are set. The configuration of a trial becomes a file, which can be delivered later.

    files: the folder of the files that entries attach, where that file is written.
    """
    if isinstance(entry, Attached):
        path = files / entry.file
        return [*_files_of(entry, path)] if path.is_dir() else []
    if isinstance(entry, Opened) and entry.yaml and not halves(entry):
        folder = files / uuid.uuid4().hex
        folder.mkdir()
        (folder / Artifact.TRIAL).write_text(entry.yaml, encoding="utf-8")
        return [Attached(trial=entry.trial, file=f"{folder.name}/{Artifact.TRIAL}")]
    return halves(entry)


def _files_of(entry: Attached, path: Path) -> Iterator[Attached]:
    """Yield an entry for each file of a folder that an entry attaches.

    path: that of the folder.
    """
    for file in sorted(path.rglob("*")):
        if file.is_file():
            below = file.relative_to(path)
            to = "/".join([*([entry.to] if entry.to else []), *below.parent.parts])
            yield Attached(trial=entry.trial, file=f"{entry.file}/{below.as_posix()}", to=to)


def halves(entry: Entry) -> list[Entry]:
    """Return two smaller entries that together record the same; none if the entry cannot be divided.

    Settings, metrics and tags are divided among the two. A run ends after its last tags are set. A file
    cannot be divided.
    """
    if isinstance(entry, Closed):
        bare = entry.model_copy(update={"tags": {}})
        return [Tagged(trial=entry.trial, tags=entry.tags), bare] if entry.tags else []
    items = [(name, key) for name, content in contents(entry).items() for key in content]
    if len(items) < 2:
        return []
    half = len(items) // 2
    return [with_only(entry, items[:half]), with_only(entry, items[half:])]
