"""Start a sweep, or resume one: everything that is refused is refused before its first trial runs."""

from __future__ import annotations

import os
import uuid
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sweep import workspace
from sweep.config import preflight
from sweep.config.check import changed_keys
from sweep.config.spec import SweepSpec
from sweep.driver import ray_cluster
from sweep.driver.lock import only_driver
from sweep.driver.loop import Job, run_to_end
from sweep.driver.replace import delete_earlier
from sweep.driver.running import CannotRun, OnStart
from sweep.tracking import addresses, mlflow_record, requests, sweeps
from sweep.workers.checkpoints import CheckpointStores
from sweep.workers.shared_storage import why_not_shared
from trainables.schema.yaml_file import Document

if TYPE_CHECKING:
    from sweep.workers.worker import RunTrial


@dataclass(frozen=True)
class Backends:
    """Where a sweep is recorded, where its search is kept, and what it runs on.

    tracking_uri: MLflow's store or server. If left out: for a new sweep the SQLite file that all
        sweeps here share, for an earlier one the store in which it was recorded.
    search_storage: the database of Optuna. If left out: for a new sweep a journal in its folder, for
        an earlier one the storage in which its search was kept.
    ray_address: `auto` or HOST:PORT of a Ray cluster that is up. If left out: this machine.
    """

    tracking_uri: str | None = None
    search_storage: str | None = None
    ray_address: str | None = None


DEFAULT_BACKENDS = Backends()


def run(
    spec: SweepSpec,
    document: Document,
    backends: Backends = DEFAULT_BACKENDS,
    *,
    replace: bool = False,
    on_start: OnStart | None = None,
    run_trial: RunTrial | None = None,
) -> mlflow_record.Record:
    """Run a new sweep to its end and return its record; `replace` deletes an earlier one first.

    run_trial: what a worker runs instead of trainables.trial.run_trial, for tests and benchmarks.

    Raises:
        tracking.SweepExists: there is one of this name.
        store.BadAddress: the tracking store or the search storage cannot be used.
        CannotRun: it runs elsewhere, the cluster cannot hold one trial, or its nodes do not share
            where checkpoints are kept.
        inputs.DoNotFit: models or data are not what the spec takes them for.
        Stopped: it was cancelled, the disk is full, or the outcome of a trial could not be kept.
        KeyboardInterrupt: Ctrl-C. After this, as after Stopped, it can be resumed.
    """
    uri, search_storage = _addresses(
        backends, workspace.local_tracking_uri(), workspace.journal(spec.name)
    )
    with (
        only_driver(workspace.folder(spec.name)),
        addresses.answering(uri, f"`sweep resume {spec.name}`"),
    ):
        addresses.reach(uri)
        if replace:
            delete_earlier(spec.name, uri, search_storage)
        sweeps.refuse_if_recorded(uri, spec.name)
        _refuse_remains(spec.name, search_storage)
        digests = preflight.prepare(spec)
        with ray_cluster.joined(backends.ray_address, uri):
            # All that may refuse the sweep comes before anything is recorded.
            num_at_once = ray_cluster.num_at_once(spec.resources)
            checkpoint_root = _checkpoint_root(spec, None)
            workspace.remember_sweep(spec.name, document.text, uri, search_storage, checkpoint_root)
            artifacts = workspace.artifact_location(uri, spec.name)
            record = sweeps.open_sweep(uri, spec, document.text, digests, artifacts)
            stores = CheckpointStores.under(
                checkpoint_root or str(workspace.folder(spec.name)), spec.checkpoints
            )
            job = Job(spec, document.text, record, search_storage, stores, num_at_once)
            run_to_end(job, on_start, run_trial)
    return record


def resume(
    spec: SweepSpec,
    document: Document,
    backends: Backends = DEFAULT_BACKENDS,
    *,
    on_start: OnStart | None = None,
    run_trial: RunTrial | None = None,
) -> mlflow_record.Record:
    """Run what is left of a sweep that ended early, and return its record.

    Trials that have ended are not run again.

    Raises:
        store.BadAddress: the tracking store or the search storage cannot be used.
        CannotRun: there is no such sweep; its spec, models or data have changed; it runs elsewhere;
            the cluster cannot hold one trial; or its nodes do not share where checkpoints are kept.
        inputs.DoNotFit: models or data cannot be had any more.
        Stopped: as of `run`.
        KeyboardInterrupt: Ctrl-C, once more.
    """
    uri, search_storage = _addresses(
        backends, workspace.tracking_uri(spec.name), workspace.search_storage(spec.name)
    )
    addresses.refuse_hidden(uri, "--tracking-uri or MLFLOW_TRACKING_URI")
    addresses.refuse_hidden(str(search_storage), "--storage or OPTUNA_STORAGE")
    with (
        only_driver(workspace.folder(spec.name)),
        addresses.answering(uri, f"`sweep resume {spec.name}`"),
    ):
        addresses.reach(uri)
        record = sweeps.find_sweep(uri, spec.name)
        if record is None:
            raise CannotRun(
                f"no sweep named {spec.name!r} is recorded in the tracking store: start it with "
                f"`sweep run`, or name its store with --tracking-uri."
            )
        _refuse_lost_search(record, search_storage)
        _refuse_other_spec(record, document)
        os.environ["SWEEP_HOME"] = str(workspace.home())  # a relative one was meant from here
        with chdir(workspace.start_folder(spec.name)):
            _refuse_other_inputs(record, preflight.prepare(spec))
            with ray_cluster.joined(backends.ray_address, uri):
                num_at_once = ray_cluster.num_at_once(spec.resources)
                checkpoint_root = _checkpoint_root(spec, workspace.checkpoint_root(spec.name))
                workspace.remember_checkpoint_root(spec.name, checkpoint_root)
                record.declare(spec, document.text)
                requests.forget(record)  # before it counts as running, and can be asked again
                stores = CheckpointStores.under(
                    checkpoint_root or str(workspace.folder(spec.name)), spec.checkpoints
                )
                job = Job(spec, document.text, record, search_storage, stores, num_at_once)
                run_to_end(job, on_start, run_trial)
    return record


def _addresses(
    backends: Backends, tracking_uri: str, search_storage: Path | str
) -> tuple[str, Path | str]:
    """Return the addresses of tracking store and search storage: these, unless others are named."""
    if backends.tracking_uri:
        tracking_uri = addresses.absolute(backends.tracking_uri)
    if backends.search_storage:
        search_storage = addresses.absolute(backends.search_storage)
    return tracking_uri, search_storage


def _checkpoint_root(spec: SweepSpec, earlier: str | None) -> str | None:
    """Return where checkpoints and models are kept, or None if that is the sweep's folder.

    earlier: the same of the process that started the sweep, which must not change.

    Raises:
        CannotRun: it would change, or not all nodes see it.
    """
    checkpoints, path = spec.checkpoints, spec.checkpoints.storage_path
    if not (checkpoints.resume or checkpoints.model):
        return earlier
    if earlier and not (path and earlier.startswith(f"{path}/")):
        raise CannotRun(
            f"checkpoints.storage_path must stay as it was, for trials go on from what is in "
            f"{earlier}, but {f'is now {path}' if path else 'is left out'}."
        )
    root = earlier or (path and f"{path}/{spec.name}-{uuid.uuid4().hex[:8]}")
    url = root or str(workspace.folder(spec.name))
    if (path or ray_cluster.num_nodes() > 1) and (trouble := why_not_shared(url)):
        raise CannotRun(trouble)
    return root


def _refuse_remains(name: str, search_storage: Path | str) -> None:
    from sweep.search.study import has_study

    folder = workspace.folder(name)
    has_search = has_study(search_storage, name)
    if has_search or (folder / "record").exists():
        raise CannotRun(
            f"{addresses.shown(search_storage) if has_search else folder} holds an earlier sweep "
            f"{name} that this tracking store does not know: name its store with "
            f"--tracking-uri, or start anew with --replace."
        )


def _refuse_lost_search(record: mlflow_record.Record, search_storage: Path | str) -> None:
    from sweep.search.study import has_study

    name, address = record.sweep, addresses.shown(search_storage)
    has_moved = address != str(workspace.search_storage(name))
    if (has_moved or record.trials()) and not has_study(search_storage, name):
        raise CannotRun(
            f"{address} must hold the search of {name}, but does not: name the database "
            f"that does with --storage or OPTUNA_STORAGE, or neither if none was named before, or "
            f"start anew with --replace."
        )


def _refuse_other_spec(record: mlflow_record.Record, document: Document) -> None:
    before = record.spec_text()
    if before is not None and (keys := changed_keys(before, document.tree)):
        raise CannotRun(
            f"{document.path} must go on with the sweep as it was recorded, but its "
            f"{', '.join(keys)} changed: budget, resources and checkpoints may, and options may "
            f"be appended to choices (not of a grid); give another spec another name and run it."
        )


def _refuse_other_inputs(record: mlflow_record.Record, digests: dict[str, str]) -> None:
    before = record.digests()
    others = [name for name in digests if before.get(name, digests[name]) != digests[name]]
    if others:
        raise CannotRun(
            f"{', '.join(others)} must be what the sweep {record.sweep} began with, but the "
            f"contents have changed: put the old ones back, or run it as a new sweep."
        )
