"""Deliver entries to MLflow that a sweep could not, because MLflow was away as the sweep ended."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, chdir

from sweep import workspace
from sweep.config import preflight
from sweep.config.check import load
from sweep.config.spec import SweepSpec
from sweep.driver.lock import only_driver
from sweep.driver.running_sweep import CannotRun, RunningSweep, wait_until_delivered
from sweep.tracking import addresses, mlflow_record, sweeps
from sweep.tracking.delivery import Delivery
from sweep.tracking.outbox import Outbox
from trainables.schema.yaml_file import Document


def sync(
    name: str,
    *,
    tracking_uri: str | None = None,
    on_delivered: Callable[[RunningSweep], None] | None = None,
) -> tuple[int, int, bool]:
    """Deliver to MLflow the entries that are left of a sweep that does not run any more.

    A store that does not know the sweep gets every entry, for when its own store was lost. Files that
    the lost store had taken are gone.

    name: of the sweep.
    tracking_uri: address of the store; None is the store in which the sweep was recorded.
    on_delivered: called once all entries are delivered, if there were any; may add to the record.

    Returns:
        The number of entries delivered, the number that MLflow has ever refused, and whether the
        sweep has ended.

    Raises:
        addresses.BadAddress: the tracking store is still away.
        CannotRun: the sweep runs, its store has lost it, or the store does not take all entries.
    """
    uri = addresses.absolute(tracking_uri) if tracking_uri else workspace.tracking_uri(name)
    with only_driver(workspace.folder(name)):
        addresses.prepare_store(uri)
        outbox = Outbox(workspace.outbox(name))
        spec, document = load(workspace.spec(name))
        record = sweeps.find_sweep(uri, name)
        if record is None:
            if tracking_uri is None:
                raise CannotRun(
                    f"no sweep named {name!r} is recorded in the tracking store any more: name the "
                    f"store that everything is to be delivered to with --tracking-uri."
                )
            record = _open_anew(name, spec, document, uri, outbox)
        num_waiting = outbox.num_waiting
        with Delivery(record, outbox) as delivery:
            wait_until_delivered(delivery, name)
            if on_delivered and num_waiting:
                metrics = spec.metrics()
                goals = {goal: metrics[goal] for goal in spec.goals}
                with ExitStack() as stack:
                    running = RunningSweep(
                        spec, record, goals, [], lambda: spec.num_trials, outbox, delivery, stack
                    )
                    on_delivered(running)
                wait_until_delivered(delivery, name)
        return num_waiting, outbox.num_refused, record.has_ended()


def _open_anew(
    name: str, spec: SweepSpec, document: Document, tracking_uri: str, outbox: Outbox
) -> mlflow_record.Record:
    """Open the record of a sweep in a new store and return it; mark every entry as undelivered."""
    with chdir(workspace.start_folder(name)):
        digests = preflight.prepare(spec)
        workspace.remember_sweep(
            name,
            document.text,
            tracking_uri,
            workspace.search_storage(name),
            workspace.checkpoint_root(name),
        )
    # Before the record is opened: a later sync that finds it would not deliver the entries again.
    outbox.mark_all_undelivered()
    artifacts = workspace.artifact_location(tracking_uri, name)
    return sweeps.open_sweep(tracking_uri, spec, document.text, digests, artifacts)
