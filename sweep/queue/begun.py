"""Whether the sweep of an entry has begun, and so is resumed."""

from __future__ import annotations

from sweep import workspace
from sweep.queue.entry import Entry
from sweep.queue.scheduler import Away
from sweep.tracking import sweeps
from trainables.assets import cache
from trainables.schema.text.shown import first_line


def has_begun(entry: Entry) -> bool:
    """Return whether a sweep has begun so far that it is resumed, and not run.

    A kill may have ended its driver between any two of the steps by which it begins. A sweep of this
    name with another spec is another one, run beside the queue: so the entry is run, and refused.
    """
    name = entry.sweep
    spec, digest = workspace.spec(name), entry.files.get(workspace.SPEC)
    if not spec.is_file() or (digest and cache.digest(spec) != digest):
        return False
    if workspace.outbox(name).is_dir():
        return True
    uri = entry.tracking_uri or workspace.tracking_uri(name)
    try:
        return sweeps.find_sweep(uri, name) is not None
    except Exception as error:  # of MLflow, or of a library below it
        raise Away(f"{name}: whether it is recorded is not known ({first_line(error)}).") from error
