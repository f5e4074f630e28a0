"""Refuse what is an older copy than the record of its sweep: a search, or the whole folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sweep import workspace
from sweep.driver.running_sweep import CannotRun
from sweep.tracking.entries.kinds import Closed
from sweep.tracking.journal.entries import entries_of
from sweep.tracking.store import addresses
from trainables.schema.counted import numbered

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlflow.entities import Run
    from optuna import Study


def refuse_older_search(
    name: str, search_storage: Path | str, study: Study, runs: Iterable[Run]
) -> None:
    """Raise CannotRun if trials of a sweep have ended by their runs, and its study does not know it."""
    from sweep.search.agreement import unknown_ends

    if unknown := unknown_ends(study, runs):
        raise CannotRun(
            f"{addresses.masked_address(search_storage)} must hold the search of {name} as it was "
            f"left, but does not know that {numbered('trial', unknown)} ended: put the latest copy "
            "back, or start anew with --replace."
        )


def refuse_older_folder(name: str, study: Study, runs: Iterable[Run]) -> None:
    """Raise CannotRun if trials have ended by their runs, and nothing in a sweep's folder knows it.

    Of such a folder every entry that is not delivered is older than the record. Where the search alone
    is older, the entries may be delivered.
    """
    from sweep.search.agreement import unknown_ends

    entries = entries_of(workspace.outbox(name))
    in_journal = {entry.trial for entry in entries if isinstance(entry, Closed)}
    if unknown := [n for n in unknown_ends(study, runs) if n not in in_journal]:
        raise CannotRun(
            f"{workspace.folder(name)} must be as {name} was left, but neither its search nor its "
            f"journal knows that {numbered('trial', unknown)} ended: put the latest copy back."
        )
