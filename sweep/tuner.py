"""A spec, run: Ray up, record open, trials out to the workers, and everything closed again."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, chdir, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from sweep import asked, disk, home, inputs, store, tracking
from sweep.delivery import Delivery
from sweep.outbox import Outbox, Status
from sweep.spec import SweepSpec, changed, load
from sweep.storage import Storage, unseen
from trainables.yaml_file import Document

if TYPE_CHECKING:
    from optuna import Study
    from ray.tune import Callback, Tuner

    from sweep.ending import Ending
    from sweep.search import ParetoSearch
    from sweep.worker import Assignment, RunTrial
    from trainables.metrics import Metric

PATIENCE_S = 60.0  # with an MLflow that is away as a sweep begins or ends

OnStart = Callable[["Started"], "list[Callback]"]


class CannotRun(ValueError):
    """The sweep cannot be started or gone on with, as things are."""


@dataclass(frozen=True)
class Started:
    """What whoever shows progress wants to know as trials begin to run.

    until_the_end: what is entered here is left once no trial runs any more, the record still open.
    """

    spec: SweepSpec
    record: tracking.Record
    goals: dict[str, Metric]
    ended: list[Ending]
    num_trials: Callable[[], int]
    outbox: Outbox
    delivery: Delivery
    until_the_end: ExitStack


def run(
    spec: SweepSpec,
    document: Document,
    *,
    tracking_uri: str | None = None,
    storage: str | None = None,
    address: str | None = None,
    replace: bool = False,
    on_start: OnStart | None = None,
    run_trial: RunTrial | None = None,
) -> tracking.Record:
    """Run a new sweep to its end; `replace` deletes an earlier one of its name first.

    storage: the database of its search, instead of a journal in its folder.

    Raises:
        tracking.SweepExists: there is one of this name.
        store.BadAddress: the tracking store or the storage cannot be used.
        CannotRun: it runs elsewhere, the cluster cannot hold one trial, or its nodes do not share
            where checkpoints are kept.
        inputs.DoNotFit: models or data are not what the spec takes them for.
        KeyboardInterrupt: it was interrupted and can be resumed.
    """
    from sweep.study import is_kept

    folder = home.folder(spec.name)
    uri = _absolute(tracking_uri) if tracking_uri else home.local_tracking_uri()
    kept = _absolute(storage) if storage else home.journal(spec.name)
    with _alone(folder), store.answering(uri, f"`sweep resume {spec.name}`"):
        store.reach(uri)
        if replace:
            _delete_sweep(spec.name, uri, kept)
        tracking.refuse_if_recorded(uri, spec.name)
        if is_kept(kept, spec.name) or (folder / "record").exists():
            raise CannotRun(
                f"{_shown(kept) if is_kept(kept, spec.name) else folder} holds an earlier sweep "
                f"{spec.name} that this tracking store does not know: name its store with "
                f"--tracking-uri, or start anew with --replace."
            )
        found = inputs.prepare(spec)
        with _ray(address, uri):
            at_once = _at_once(spec)  # before anything is recorded: it may refuse
            kept_at = _kept_at(spec, None)
            home.remember(spec.name, document.text, uri, kept, kept_at)
            artifacts = home.artifacts(uri, spec.name)
            record = tracking.open_sweep(uri, spec, document.text, found, artifacts)
            _to_the_end(spec, document, record, kept, at_once, on_start, run_trial)
    return record


def resume(
    spec: SweepSpec,
    document: Document,
    *,
    tracking_uri: str | None = None,
    storage: str | None = None,
    address: str | None = None,
    on_start: OnStart | None = None,
    run_trial: RunTrial | None = None,
) -> tracking.Record:
    """Go on with a sweep that was interrupted, however: what has ended is not run again.

    Raises:
        store.BadAddress: the tracking store or the storage cannot be used.
        CannotRun: there is no such sweep, its spec, models or data are others now, it runs elsewhere,
            the cluster cannot hold one trial, or its nodes do not share where checkpoints are kept.
        inputs.DoNotFit: models or data cannot be had any more.
        KeyboardInterrupt: it was interrupted once more.
    """
    from sweep.study import is_kept

    uri = _absolute(tracking_uri) if tracking_uri else home.tracking_uri(spec.name)
    kept = _absolute(storage) if storage else home.storage(spec.name)
    store.refuse_hidden(uri, "--tracking-uri or MLFLOW_TRACKING_URI")
    store.refuse_hidden(str(kept), "--storage or OPTUNA_STORAGE")
    with _alone(home.folder(spec.name)), store.answering(uri, f"`sweep resume {spec.name}`"):
        store.reach(uri)
        record = tracking.find_sweep(uri, spec.name)
        if record is None:
            raise CannotRun(
                f"no sweep named {spec.name!r} is recorded in the tracking store: start it with "
                f"`sweep run`, or name its store with --tracking-uri."
            )
        moved = _shown(kept) != str(home.storage(spec.name))
        if (moved or record.trials()) and not is_kept(kept, spec.name):
            raise CannotRun(
                f"{_shown(kept)} must hold the search of {spec.name}, but does not: name the database "
                f"that does with --storage or OPTUNA_STORAGE, or neither if none was named before, or "
                f"start anew with --replace."
            )
        before = record.spec_text()
        if before is not None and (keys := changed(before, document.tree)):
            raise CannotRun(
                f"{document.path} must go on with the sweep as it was recorded, but its "
                f"{', '.join(keys)} changed: budget, resources and checkpoints may, and options may "
                f"be appended to choices (not of a grid); give another spec another name and run it."
            )
        os.environ["SWEEP_HOME"] = str(home.home())  # wherever that was meant from
        with chdir(home.started_in(spec.name)):
            _refuse_other_inputs(record, inputs.prepare(spec))
            with _ray(address, uri):
                at_once = _at_once(spec)
                home.keep_at(spec.name, _kept_at(spec, home.kept_at(spec.name)))
                record.declare(spec, document.text)
                asked.forget(record)  # before it counts as running, and can be asked again
                _to_the_end(spec, document, record, kept, at_once, on_start, run_trial)
    return record


def sync(
    name: str,
    *,
    tracking_uri: str | None = None,
    on_delivered: Callable[[Started], None] | None = None,
) -> tuple[int, int, bool]:
    """Deliver what a sweep that does not run any more could not record.

    To a store that does not know the sweep (as its own was lost) everything is delivered, but for the
    files that the lost one had already taken. `on_delivered` may add to the record then. Returns how
    many entries were delivered, how many MLflow has ever refused, and whether the sweep has ended.

    Raises:
        store.BadAddress: the tracking store is away, still.
        CannotRun: the sweep runs, its store has lost it, or the store does not take all of it.
    """
    uri = _absolute(tracking_uri) if tracking_uri else home.tracking_uri(name)
    with _alone(home.folder(name)):
        store.reach(uri)
        record = tracking.find_sweep(uri, name)
        outbox = Outbox(home.folder(name) / "record")
        spec, document = load(home.folder(name) / "sweep.yaml")
        if record is None:
            if tracking_uri is None:
                raise CannotRun(
                    f"no sweep named {name!r} is recorded in the tracking store any more: name the "
                    f"store that everything is to be delivered to with --tracking-uri."
                )
            with chdir(home.started_in(name)):
                found = inputs.prepare(spec)
                home.remember(name, document.text, uri, home.storage(name), home.kept_at(name))
            outbox.rewind()  # first: whoever finds the sweep there takes it for delivered
            record = tracking.open_sweep(uri, spec, document.text, found, home.artifacts(uri, name))
        num = outbox.num_waiting
        with Delivery(record, outbox) as delivery:
            _settle(delivery, name)
            if on_delivered and num:
                goals = {goal: spec.metrics()[goal] for goal in spec.goals}
                with ExitStack() as open_:
                    started = Started(
                        spec,
                        record,
                        goals,
                        [],
                        lambda: spec.num_trials,
                        outbox,
                        delivery,
                        open_,
                    )
                    on_delivered(started)
                _settle(delivery, name)
        return num, outbox.num_refused, record.has_ended()


def _settle(delivery: Delivery, name: str) -> None:
    if not delivery.wait(PATIENCE_S):
        raise CannotRun(f"what {name} has still to record cannot be: {delivery.trouble}")


def _delete_sweep(name: str, tracking_uri: str, kept: Path | str) -> None:
    """All that is left of an earlier sweep; where it was kept is forgotten last."""
    from sweep.study import delete_study

    earlier = home.storage(name)
    if str(earlier) != _shown(kept):
        store.refuse_hidden(str(earlier), "--storage or OPTUNA_STORAGE, to delete its search")
        delete_study(earlier, name)
    delete_study(kept, name)
    if kept_at := home.kept_at(name):
        beside, _, own = kept_at.rpartition("/")
        Storage(beside).delete(own)
    tracking.delete_sweep(tracking_uri, name)
    for what in ("search.journal", "record", "checkpoints", "models", "ray", "front"):
        _delete(home.folder(name) / what)
    for what in ("started_in", "tracking_uri", "storage", "kept_at"):
        _delete(home.folder(name) / what)


def _shown(kept: Path | str) -> str:
    return store.without_password(kept) if isinstance(kept, str) else str(kept)


def _kept_at(spec: SweepSpec, earlier: str | None) -> str | None:
    """Where checkpoints and models lie if not in the sweep's folder, the same from its start on."""
    keeps, path = spec.checkpoints, spec.checkpoints.storage_path
    if not (keeps.resume or keeps.model):
        return earlier
    if earlier and not (path and earlier.startswith(f"{path}/")):
        raise CannotRun(
            f"checkpoints.storage_path must stay as it was, for trials go on from what is in "
            f"{earlier}, but {f'is now {path}' if path else 'is left out'}."
        )
    kept_at = earlier or (path and f"{path}/{spec.name}-{uuid.uuid4().hex[:8]}")
    shared = kept_at or str(home.folder(spec.name))
    if (path or _num_nodes() > 1) and (trouble := unseen(shared)):
        raise CannotRun(trouble)
    return kept_at


def _refuse_other_inputs(record: tracking.Record, found: dict[str, str]) -> None:
    before = record.digests()
    others = [name for name in found if before.get(name, found[name]) != found[name]]
    if others:
        raise CannotRun(
            f"{', '.join(others)} must be what the sweep {record.sweep} began with, but the "
            f"contents have changed: put the old ones back, or run it as a new sweep."
        )


def _refuse_earlier(study: Study, record: tracking.Record, kept: Path | str) -> None:
    """The search is told of an end before the record is: what has ended there has ended here."""
    from sweep.study import endings

    if lost := sorted(record.ended() - {ending.number for ending in endings(study)}):
        raise CannotRun(
            f"{_shown(kept)} must hold the search of {record.sweep} as it was left, but does not know "
            f"that {'trials' if len(lost) > 1 else 'trial'} {', '.join(map(str, lost))} ended: put "
            f"the latest copy back, or start anew with --replace."
        )


def _to_the_end(
    spec: SweepSpec,
    document: Document,
    record: tracking.Record,
    kept: Path | str,
    at_once: int,
    on_start: OnStart | None,
    run_trial: RunTrial | None,
) -> None:
    """Run what is left of a sweep; whatever stops it, no run is left open."""
    from sweep.control import Control, Obey, Untold, interrupts_as_before
    from sweep.recorder import Recorder
    from sweep.retries import NoRetry, every_death_is_one
    from sweep.search import ParetoSearch
    from sweep.study import endings, open_study
    from sweep.versions import newest
    from sweep.worker import Assignment, real_trial

    folder = home.folder(spec.name)
    outbox = Outbox(folder / "record")
    with Delivery(record, outbox) as delivery, ExitStack() as open_:
        _settle(delivery, spec.name)  # what an earlier process has left
        study, version = newest(open_study(kept, spec), spec.trial)
        _refuse_earlier(study, record, kept)
        record.keep_version(version, document.text)
        keeps, kept_at = spec.checkpoints, home.kept_at(spec.name) or folder
        checkpoints = Storage(f"{kept_at}/checkpoints") if keeps.resume else None
        models = Storage(f"{kept_at}/models") if keeps.model else None
        recorder = Recorder(
            spec,
            outbox,
            record.last_steps(),
            version=version,
            base=record.knows_base(),
            digests=record.digests(),
            checkpoints=checkpoints,
            models=models,
        )
        record.reopen(record.run_id)
        status: Status = "KILLED"
        state, patience = "interrupted", PATIENCE_S
        try:
            control = open_.enter_context(Control(record))
            recorder.settle(endings(study), record.trials())
            delivery.wait(PATIENCE_S)

            obey = Obey(control)
            search = ParetoSearch(
                spec, study, spec.metrics(), recorder.close, obey.asked, obey.fail
            )
            goals = {goal: search.metrics[goal] for goal in spec.goals}
            with ExitStack() as until_the_end:
                started = Started(
                    spec,
                    record,
                    goals,
                    endings(study),
                    lambda: search.num_trials,
                    outbox,
                    delivery,
                    until_the_end,
                )
                callbacks = on_start(started) if on_start else []
                callbacks = [obey, recorder, NoRetry(), *callbacks]
                assignment = Assignment(
                    run_trial or real_trial,
                    checkpoints=checkpoints,
                    models=models,
                    watched=run_trial is None,
                )
                if search.num_to_run:
                    with interrupts_as_before(), every_death_is_one(search.on_death):
                        _tuner(spec, search, at_once, callbacks, assignment).fit()
                    obey.raise_trouble()
            wish = control.asked.wish
            ends_early = wish == "stop" or search.out_of_time
            if search.num_left and (wish == "cancel" or obey.is_interrupted or not ends_early):
                # Tune takes Ctrl-C for a reason to end in good order.
                state = "cancelled" if wish == "cancel" else "interrupted"
                raise KeyboardInterrupt(state)
            any_complete = any(ending.state == "complete" for ending in endings(study))
            status = "FINISHED" if any_complete else "FAILED"
            state = "stopped" if search.num_left and wish == "stop" else status.lower()
        except Exception as error:
            if full := disk.full(error):
                patience = 0.0  # a store on the same disk takes nothing either
                raise KeyboardInterrupt(f"the disk is full ({full}): make room") from error
            if isinstance(error, Untold):
                raise KeyboardInterrupt(str(error)) from error
            raise
        finally:
            with suppress(OSError):  # where not even this can be written, resuming does it
                recorder.close_sweep(status, state)
            delivery.wait(patience)


def _tuner(
    spec: SweepSpec,
    search: ParetoSearch,
    at_once: int,
    callbacks: list[Callback],
    assignment: Assignment,
) -> Tuner:
    from ray import tune

    from sweep.retries import MOST_DEATHS
    from sweep.worker import Worker

    folder = home.folder(spec.name)
    take = {"cpu": spec.resources.cpus_per_trial, "gpu": spec.resources.gpus_per_trial}
    goals = {goal: search.metrics[goal] for goal in spec.goals}
    trainable = tune.with_resources(tune.with_parameters(Worker, assignment=assignment), take)
    return tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            search_alg=search,
            scheduler=spec.scheduler.build(goals),
            num_samples=-1,  # the search says when it has finished
            max_concurrent_trials=at_once,
            reuse_actors=True,
            trial_name_creator=_trial_name,
            trial_dirname_creator=_trial_name,
        ),
        run_config=tune.RunConfig(
            name="ray",
            storage_path=str(folder),
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            failure_config=tune.FailureConfig(max_failures=MOST_DEATHS),
            verbose=0,
            callbacks=callbacks,
        ),
    )


def _trial_name(trial: Any) -> str:
    return f"{trial.config['number']:04}"


def _at_once(spec: SweepSpec) -> int:
    """Trials that run at the same time: what was asked for, or what the cluster has room for."""
    import ray

    have = ray.cluster_resources()
    room = int(have.get("CPU", 0) // spec.resources.cpus_per_trial)
    if spec.resources.gpus_per_trial:
        room = min(room, int(have.get("GPU", 0) / spec.resources.gpus_per_trial))
    if room < 1 and spec.resources.at_once is None:
        raise CannotRun(
            f"a trial takes {spec.resources.cpus_per_trial} CPUs and "
            f"{spec.resources.gpus_per_trial:g} GPUs, but the cluster has "
            f"{have.get('CPU', 0):g} and {have.get('GPU', 0):g}: lower `resources`, "
            f"or set resources.at_once if nodes are still to come."
        )
    return spec.resources.at_once or room


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One driver a sweep: the operating system frees the lock of a killed one."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".writable").touch()
        (folder / ".writable").unlink()
    except OSError as error:
        raise CannotRun(
            f"{folder} must be a folder that can be written, but: {error.strerror}; set SWEEP_HOME "
            f"to one that can."
        ) from error
    try:
        with FileLock(folder / ".lock", timeout=0):
            yield
    except Timeout:
        raise CannotRun(
            f"the sweep in {folder} is being run by another process: wait for it, or stop it first."
        ) from None


@contextmanager
def _ray(address: str | None, tracking_uri: str) -> Iterator[None]:
    """A cluster that is there already, or one of our own on this machine for as long as we run."""
    os.environ |= {
        "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # MLflow is the record
        "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # the worker checks, one trial at a time
        "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",  # each failed trial says why in a line, and in MLflow
        "RAY_AIR_NEW_OUTPUT": "0",
        "RAY_CHDIR_TO_TRIAL_DIR": "0",  # the worker says where it works
    }
    import ray

    # What failed is said in a line for each trial, and once more at the end.
    logging.getLogger("ray.tune.tune").setLevel(logging.CRITICAL)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if ray.is_initialized():
        yield
        return
    try:
        if address:
            _reach(address)
            ray.init(address=address, **quiet)
        else:
            ray.init(address="local", include_dashboard=False, **quiet)
            _hide_token()
    except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
        if not address:
            raise
        raise CannotRun(
            f"--address must be a Ray cluster that is up and lets us in (auto or HOST:PORT), but "
            f"{address!r} cannot be joined: {str(error).strip().partition(chr(10))[0]}"
        ) from error
    try:
        num_nodes = _num_nodes()
        if num_nodes > 1 and tracking_uri.startswith("sqlite"):
            raise CannotRun(
                f"the cluster has {num_nodes} nodes, which cannot all write one SQLite file: start "
                f"an MLflow server that they reach and name it with --tracking-uri."
            )
        yield
    finally:
        ray.shutdown()


def _num_nodes() -> int:
    import ray

    return sum(node["Alive"] for node in ray.nodes())


def _reach(address: str) -> None:
    """Ray waits for minutes where nobody listens."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=5).close()


def _absolute(tracking_uri: str) -> str:
    """A relative SQLite file, as seen from here."""
    path = tracking_uri.removeprefix("sqlite:///")
    if path == tracking_uri or path.startswith("/"):
        return tracking_uri
    return f"sqlite:///{Path(path).resolve()}"


def _hide_token() -> None:
    """Ray writes the token that opens a cluster for everyone on the machine to read."""
    token = Path("~/.ray/auth_token").expanduser()
    if token.is_file() and token.stat().st_mode & 0o077:
        token.chmod(0o600)


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
