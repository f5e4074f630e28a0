"""What a sweep began with, as tags of its own run: its inputs, how it measures, packages and commit.

Its journal holds them, too. So a store that takes the place of a lost one gets them as they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from analysis.record.names import Tag, digest_tags
from sweep.config.definitions import definitions
from sweep.tracking.journal.entries import entries_of
from sweep.tracking.outbox_entries import Tagged
from sweep.tracking.provenance import versions

if TYPE_CHECKING:
    from sweep.config.spec import SweepSpec
    from sweep.tracking.mlflow_record import Record
    from sweep.tracking.outbox import Outbox
    from sweep.tracking.outbox_entries import Entry

PREFIXES = (Tag.VERSION, Tag.DIGEST, Tag.EVALUATOR)
NAMES = (Tag.START, Tag.COMMIT)


def beginning(spec: SweepSpec, digests: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of a sweep that begins now.

    digests: sha256 of each model and data set, by its name.

    Raises:
        ValueError: as of definitions.
    """
    tags = {f"{Tag.VERSION}{name}": version for name, version in versions.of_packages().items()}
    tags |= digest_tags(digests)
    tags |= definitions(spec)
    if commit := versions.commit():
        tags[Tag.COMMIT] = commit
    return tags


def beginning_in(tags: Mapping[str, str]) -> dict[str, str]:
    """Return those of some tags that say what a sweep began with."""
    return {k: value for k, value in tags.items() if k.startswith(PREFIXES) or k in NAMES}


def beginning_of(entries: Iterable[Entry]) -> dict[str, str]:
    """Return the tags that say what a sweep began with, given the entries of its journal.

    A journal of an early release has none.
    """
    tags: dict[str, str] = {}
    for entry in entries:
        if isinstance(entry, Tagged) and entry.trial is None:
            tags = beginning_in(entry.tags) | tags
    return tags


def is_whole(tags: Mapping[str, str]) -> bool:
    """Return whether some tags are all that say what a sweep began with, and not later ones alone."""
    return any(name.startswith(Tag.VERSION) for name in tags)


def remember_beginning(record: Record, outbox: Outbox) -> None:
    """Put what a sweep began with, by its record, into its journal, as far as that lacks it."""
    known = beginning_of(entries_of(outbox.folder))
    tags = {k: value for k, value in beginning_in(record.tags()).items() if k not in known}
    if tags:
        outbox.put(Tagged(trial=None, tags=tags))


def add_inputs(record: Record, digests: Mapping[str, str]) -> None:
    """Record inputs that a sweep has since it was resumed; recording them again changes nothing.

    digests: sha256 of each model and data set, by its name.
    """
    record.log_inputs(record.run_id, digests)
    # The tags are last: by them the inputs count as recorded.
    record.set_tags(digest_tags(digests))
