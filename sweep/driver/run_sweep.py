"""Start a sweep, or resume one; whatever is wrong with it is refused before its first trial runs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, chdir
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.record.names import digests_in
from sweep import workspace
from sweep.config import preflight
from sweep.config.spec import SweepSpec
from sweep.driver.cluster import joining as ray_cluster
from sweep.driver.cluster import room
from sweep.driver.cluster.watch import OnLost
from sweep.driver.earlier.copied_folder import warn_of_copy
from sweep.driver.earlier.deletion import delete_earlier, refuse_undeletable
from sweep.driver.earlier.refusals import (
    refuse_lost_search,
    refuse_other_definitions,
    refuse_other_spec,
    refuse_remains,
)
from sweep.driver.lock import only_driver
from sweep.driver.loop import PreparedSweep, run_to_end
from sweep.driver.running_sweep import CannotRun, OnStart
from sweep.tracking import control_requests, mlflow_record, sweeps
from sweep.tracking.provenance.beginning import add_inputs, began_with
from sweep.tracking.store import addresses, preparing
from sweep.workers.checkpoints import CheckpointStores
from sweep.workers.shared_storage import why_not_shared
from sweep.workers.unchanged import change_sentences
from trainables.harness import folder as tasks_folder
from trainables.schema.text.printable import in_one_line
from trainables.schema.yaml_file import Document

if TYPE_CHECKING:
    from sweep.workers.assignment import RunTrial


@dataclass(frozen=True)
class Backends:
    """Addresses of the services that a sweep uses; None is the default of each.

    tracking_uri: MLflow's store or server. None is, for a new sweep, the SQLite file that all sweeps
        in $SWEEP_HOME share, and for an earlier one the store in which it was recorded.
    search_storage: the database of Optuna. None is, for a new sweep, a journal in its folder, and
        for an earlier one the storage that held its search.
    ray_address: `auto` or HOST:PORT of a Ray cluster that is up. None is this machine.
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
    code_diff: str = "",
    cap: int | None = None,
    on_start: OnStart | None = None,
    on_lost: OnLost | None = None,
    run_trial: RunTrial | None = None,
) -> mlflow_record.Record:
    """Run a new sweep to its end and return its record.

    document: the file of the spec, as the user typed it.
    replace: whether to delete an earlier sweep of the same name first.
    code_diff: the changes of the code since its commit, if they are to be recorded.
    cap: the most trials at once, whatever the spec says; None changes nothing.
    on_start: called once when the trials are about to run; returns further callbacks for Ray Tune.
    on_lost: called when Ray has gone, in a thread; returns the code with which this process ends.
    run_trial: what a worker runs instead of trainables.trial.run_trial, for tests and benchmarks.

    Raises:
        sweeps.SweepExists: there is a sweep of this name.
        addresses.BadAddress: the tracking store or the search storage cannot be used.
        CannotRun: another process runs the sweep, the cluster cannot hold one trial, or its nodes do
            not share the folder of checkpoints.
        preflight.DoNotFit: models or data are not what the spec takes them for.
        Stopped: the sweep was cancelled, its run ended early, the disk is full, or an outcome could
            not be saved.
        KeyboardInterrupt: Ctrl-C. After this, as after Stopped, the sweep can be resumed.
    """
    earlier_requests: Mapping[str, str] = {}
    requested: control_requests.Request = "go"
    own_store, own_journal = workspace.local_tracking_uri(), workspace.journal(spec.name)
    uri, search_storage = _addresses(backends, own_store, own_journal)
    with (
        addresses.refusing_outage(uri, f"`sweep resume {spec.name}`"),
        ExitStack() as locked,
    ):
        if replace:
            preparing.prepare_store(uri)
            # Before the lock is held: from then on other terminals take this process for the driver.
            if earlier := sweeps.find_sweep(uri, spec.name):
                earlier_requests = earlier.tags()
        locked.enter_context(only_driver(workspace.folder(spec.name)))
        if preparing.is_new_file(uri) and not replace:  # a refusal makes no file
            refuse_remains(spec.name, search_storage)
        preparing.prepare_store(uri)
        if replace:
            refuse_undeletable(spec.name, search_storage)
        else:
            _refuse_earlier(spec.name, uri, search_storage)
        digests = preflight.prepare(spec, document)
        with ray_cluster.joined(backends.ray_address, uri, on_lost):
            # Everything that may refuse the sweep comes before anything is deleted or recorded.
            is_here = backends.ray_address is None
            num_at_once = room.num_at_once(spec.resources, cap, is_here=is_here)
            checkpoint_root = _checkpoint_root(spec, None)
            if replace:
                requested = delete_earlier(spec.name, uri, search_storage, earlier_requests)
                _refuse_earlier(spec.name, uri, search_storage)
            workspace.remember_sweep(spec.name, document.text, uri, search_storage, checkpoint_root)
            workspace.remember_harness_tasks(spec.name, tasks_folder.current_path())
            artifacts = workspace.artifact_location(uri, spec.name)
            record = sweeps.open_sweep(
                uri, spec, document.text, digests, artifacts, code_diff, requested=requested
            )
            warn_of_copy(record)
            prepared = _prepared(
                spec, document, record, search_storage, checkpoint_root, num_at_once, digests,
                on_cluster=not is_here,
            )  # fmt: skip
            run_to_end(prepared, on_start, run_trial)
    return record


def _refuse_earlier(name: str, tracking_uri: str, search_storage: Path | str) -> None:
    """Raise SweepExists or CannotRun if there is an earlier sweep of this name, or a part of one."""
    sweeps.refuse_if_recorded(tracking_uri, name)
    refuse_remains(name, search_storage)


def resume(
    spec: SweepSpec,
    document: Document,
    backends: Backends = DEFAULT_BACKENDS,
    *,
    cap: int | None = None,
    on_start: OnStart | None = None,
    on_lost: OnLost | None = None,
    run_trial: RunTrial | None = None,
    reruns: frozenset[control_requests.Rerun] | None = None,
) -> mlflow_record.Record:
    """Run the trials that are left of a sweep that ended early, and return its record.

    Trials that have ended are not run again.

    document: the file of the spec in the sweep's folder.
    reruns: if given, these are requested once nothing refuses the sweep, and only requests are run.
    cap, on_start, on_lost, run_trial: as of `run`.

    Raises:
        addresses.BadAddress: the tracking store or the search storage cannot be used.
        CannotRun: there is no such sweep; its spec, models or data have changed; another process
            runs it; the cluster cannot hold one trial; or its nodes do not share the folder of
            checkpoints.
        preflight.DoNotFit: models or data are not what the spec takes them for.
        Stopped, KeyboardInterrupt: as of `run`.
    """
    uri, search_storage = _addresses(
        backends, workspace.tracking_uri(spec.name), workspace.search_storage(spec.name)
    )
    addresses.refuse_hidden(uri, "--tracking-uri or MLFLOW_TRACKING_URI")
    addresses.refuse_hidden(str(search_storage), "--storage or OPTUNA_STORAGE")
    with (
        addresses.refusing_outage(uri, f"`sweep resume {spec.name}`"),
        ExitStack() as locked,
    ):
        record = None
        if not preparing.is_new_file(uri):  # a refusal makes no file
            preparing.prepare_store(uri)
            record = sweeps.find_sweep(uri, spec.name)
        if record is None:
            raise CannotRun(
                f"no sweep named {spec.name!r} is recorded in the tracking store: start it with "
                f"`sweep run`, or name its store with --tracking-uri; where that is lost, `sweep sync "
                f"{spec.name} --tracking-uri URI` records it anew from its journal."
            )
        # Before the lock is held: from then on other terminals take this process for the driver.
        earlier_requests = record.tags()
        locked.enter_context(only_driver(workspace.folder(spec.name)))
        refuse_lost_search(record, search_storage)
        refuse_other_spec(record, document)
        warn_of_copy(record)
        # Absolute, because a relative one is meant from the folder that is left next.
        workspace.keep_home()
        with chdir(workspace.start_folder(spec.name)):
            digests = preflight.prepare(spec, document)
            began = began_with(record, workspace.outbox(spec.name))
            known_digests = digests_in(began)
            if sentences := change_sentences(known_digests, digests):
                raise CannotRun("\n".join(map(in_one_line, sentences)))
            refuse_other_definitions(spec, began)
            with ray_cluster.joined(backends.ray_address, uri, on_lost):
                is_here = backends.ray_address is None
                num_at_once = room.num_at_once(spec.resources, cap, is_here=is_here)
                checkpoint_root = _checkpoint_root(spec, workspace.checkpoint_root(spec.name))
                workspace.remember_checkpoint_root(spec.name, checkpoint_root)
                workspace.remember_harness_tasks(spec.name, tasks_folder.current_path())
                record.log_declarations(spec, document.text)
                # Those of options that were appended: from now on they must stay, too.
                add_inputs(record, {n: d for n, d in digests.items() if n not in known_digests})
                control_requests.hear_after(record, earlier_requests)
                prepared = _prepared(
                    spec, document, record, search_storage, checkpoint_root, num_at_once, digests,
                    on_cluster=not is_here,
                )  # fmt: skip
                run_to_end(replace(prepared, reruns=reruns), on_start, run_trial)
    return record


def _prepared(
    spec: SweepSpec,
    document: Document,
    record: mlflow_record.Record,
    search_storage: Path | str,
    checkpoint_root: str | None,
    num_at_once: int,
    digests: dict[str, str],
    *,
    on_cluster: bool,
) -> PreparedSweep:
    """Return a sweep to run, with the stores of its checkpoints and models.

    checkpoint_root: as `_checkpoint_root` returns it; the others are as in PreparedSweep.
    """
    stores = CheckpointStores.under(
        checkpoint_root or str(workspace.folder(spec.name)), spec.checkpoints
    )
    return PreparedSweep(
        spec, document.text, record, search_storage, stores, num_at_once, digests,
        on_cluster=on_cluster,
    )  # fmt: skip


def _addresses(
    backends: Backends, tracking_uri: str, search_storage: Path | str
) -> tuple[str, Path | str]:
    """Return (tracking URI, search storage): as `backends` names them, else the two defaults given."""
    if backends.tracking_uri:
        tracking_uri = addresses.absolute(backends.tracking_uri)
    if backends.search_storage:
        search_storage = addresses.absolute(backends.search_storage)
    return tracking_uri, search_storage


def _checkpoint_root(spec: SweepSpec, earlier: str | None) -> str | None:
    """Return the folder or address for checkpoints and models; None is the sweep's folder.

    earlier: that of the process that started the sweep, which must stay.

    Raises:
        CannotRun: the spec names another one than before, one that this machine forbids to use, or
            not all nodes see it.
    """
    checkpoints, path = spec.checkpoints, spec.checkpoints.storage_path
    if not (checkpoints.resume or checkpoints.model):
        return earlier
    if earlier and not (path and earlier.startswith(f"{path}/")):
        raise CannotRun(
            f"checkpoints.storage_path must stay as it was, because trials go on from checkpoints in "
            f"{earlier}, but {f'is now {path}' if path else 'is left out'}."
        )
    root = earlier or (path and workspace.new_checkpoint_root(path, spec.name))
    url = root or str(workspace.folder(spec.name))
    if (path or ray_cluster.num_nodes() > 1) and (
        problem := why_not_shared(url, is_named=bool(path))
    ):
        raise CannotRun(problem)
    return root
