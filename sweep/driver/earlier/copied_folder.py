"""Say that a sweep goes on in a copy of its folder, whose files are kept beside the original."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow.utils.file_utils import local_file_uri_to_path

from sweep import workspace

if TYPE_CHECKING:
    from sweep.tracking.mlflow_record import Record

log = logging.getLogger(__name__)


def warn_of_copy(record: Record) -> None:
    """Log a warning if a store in a SQLite file keeps a sweep's files beside another store.

    MLflow remembers the folder in which it was told to keep them, and does not follow a copy.
    """
    expected = workspace.artifact_location(record.tracking_uri, record.sweep)
    kept_in = local_file_uri_to_path(str(record.own_run().info.artifact_uri))
    if not record.tracking_uri.startswith("sqlite:///") or expected is None or "://" in kept_in:
        return
    folder = Path(kept_in).parents[1]  # of all runs of the sweep
    if folder.resolve() != Path(expected).resolve():
        log.warning(
            "the files of %s are kept in %s, as its experiment in MLflow says, not in %s: if this "
            "store is a copy, the original writes there, too",
            record.sweep,
            folder,
            expected,
        )
