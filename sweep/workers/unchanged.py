"""Whether models and data are still what a sweep began with, when a trial reads them."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Set
from contextlib import closing
from typing import TYPE_CHECKING

from sweep.config.inputs import KEYS, inputs_by_name, joined_digest, reason_unread, role_in
from sweep.workers.storage_trouble import is_trouble, storage_errors
from trainables.assets import cache
from trainables.assets.errors import AssetError
from trainables.schema.faults import dotted

if TYPE_CHECKING:
    from trainables.config import TrialConfig
    from trainables.report import Report

SHOWN_DIGITS = 12  # of a digest


class InputChanged(ValueError):
    """A model or a data set is not what the sweep began with; a sentence for each."""


def change_sentences(recorded: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return a sentence for each input whose digest is not the one with which a sweep began.

    recorded, now: name of an input -> its sha256. One that was not recorded counts as unchanged.
    """
    return [
        _change_sentence(
            dotted(("trial", *KEYS[role_in(name)])),
            name,
            recorded[name],
            f"has changed ({_short(digest)})",
        )
        for name, digest in now.items()
        if recorded.get(name, digest) != digest
    ]


def refuse_changed(
    trial: TrialConfig, recorded: Mapping[str, str], looks: Set[cache.Look] = frozenset()
) -> None:
    """Refuse a trial of which an input is not what its sweep began with, or was not when it was read.

    It is cheap where nothing has moved: files are only looked at (see assets.cache.digest).

    recorded: name of an input -> its sha256 when the sweep began.
    looks: of this process since the trial began; what reads files looks at them first.

    Raises:
        InputChanged: an input has changed, is gone, or was another one in between.
        StorageTrouble: it cannot be told, as the place where an input is kept cannot be read.
    """
    sentences = []
    for name, inputs in inputs_by_name([trial]).items():
        if name not in recorded:
            sentences.append(
                f"{next(iter(inputs))}: {_source(name)} must be among what the sweep began with, but "
                "is not: start a new sweep with --replace."
            )
            continue
        try:
            with cache.looks_within() as own_looks:
                digest = joined_digest(entry.digest() for entry in inputs.values())
        except (AssetError, OSError, ValueError) as error:
            if is_trouble(error):
                with storage_errors():  # a full disk ends the sweep
                    raise
            problem = f"cannot be read ({reason_unread(error)})"
        else:
            own = {look.path: look.digest for look in own_looks}
            others = [look for look in looks if own.get(look.path, look.digest) != look.digest]
            problem = f"was read as another ({_short(others[0].digest)})" if others else ""
            if digest != recorded[name]:
                problem = f"has changed ({_short(digest)})"
        if problem:
            sentences.append(_change_sentence(next(iter(inputs)), name, recorded[name], problem))
    if sentences:
        raise InputChanged(" ".join(sentences))


def while_unchanged(
    reports: Generator[Report], trial: TrialConfig, recorded: Mapping[str, str] | None
) -> Generator[Report]:
    """Yield the reports of a trial, each after a look at all that it may have read.

    Files that were others when they were read, and have been put back since, are changed, too.

    reports: of the trial, which has not begun.
    recorded: as of refuse_changed; None for a trial of no sweep, which is not looked at.

    Raises:
        InputChanged: as refuse_changed; also in place of an error of a trial that met changed files.
    """
    if recorded is None:
        yield from reports
        return
    with closing(reports), cache.looks_within() as looks:
        refuse_changed(trial, recorded)
        try:
            for report in reports:
                refuse_changed(trial, recorded, looks)
                yield report
        except InputChanged:
            raise
        except Exception:
            refuse_changed(trial, recorded, looks)
            raise


def _change_sentence(key: str, name: str, before: str, problem: str) -> str:
    """Return the sentence about an input that is not what it was.

    before: its sha256 when the sweep began.
    problem: what is the matter, as a clause.
    """
    return (
        f"{key}: {_source(name)} must be what the sweep began with (sha256 {_short(before)}), but "
        f"{problem}: put it back, or start a new sweep with --replace."
    )


def _source(name: str) -> str:
    """Return what an input is called in the spec, given its name in the record."""
    return name.partition(".")[2]


def _short(digest: str) -> str:
    """Return the first digits of a digest, for a sentence."""
    return f"{digest[:SHOWN_DIGITS]}…"
