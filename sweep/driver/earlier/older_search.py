"""Refuse to go on with a search that is an older copy than the record of its sweep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sweep.driver.running_sweep import CannotRun
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
