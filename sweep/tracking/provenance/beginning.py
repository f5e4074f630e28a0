"""What a sweep began with, as tags of its own run: its inputs, how it measures, packages and commit.

Its journal holds them, too. So a store that takes the place of a lost one gets them as they were.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from analysis.record.names import Tag, digest_tags
from sweep.config.definitions import definitions
from sweep.tracking.entries.kinds import Tagged
from sweep.tracking.journal.entries import entries_of
from sweep.tracking.provenance import versions
from trainables.schema.text.shown import as_value, as_word

if TYPE_CHECKING:
    from pathlib import Path

    from sweep.config.spec import SweepSpec
    from sweep.tracking.entries.kinds import Entry
    from sweep.tracking.mlflow_record import Record
    from sweep.tracking.outbox import Outbox

log = logging.getLogger(__name__)

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


def began_with(record: Record, folder: Path) -> dict[str, str]:
    """Return the tags that say what a sweep began with: those of its journal, else of its record.

    Anybody may edit a tag in MLflow: one that is other than in the journal is said, and does not count.

    folder: that of the outbox.
    """
    recorded, in_journal = beginning_in(record.tags()), beginning_of(entries_of(folder))
    for name, value in in_journal.items():
        if recorded.get(name, value) != value:
            log.warning(
                "the tag %s of %s in MLflow must be %s, as its journal says, but is %s: that of the "
                "journal counts",
                *(as_word(name), record.sweep, as_value(value), as_value(recorded[name])),
            )
    return recorded | in_journal


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
