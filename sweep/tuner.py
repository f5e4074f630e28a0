"""A spec, run: Ray up, record open, trials out to the workers, and everything closed again."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from sweep import home, tracking
from sweep.spec import SweepSpec
from trainables import data
from trainables.yaml_file import Document

if TYPE_CHECKING:
    from ray.tune import Callback

    from sweep.search import Ending, State
    from sweep.worker import RunTrial

log = logging.getLogger(__name__)

OnStart = Callable[["Started"], "list[Callback]"]


class CannotRun(ValueError):
    """The sweep cannot be started or gone on with, as things are."""


@dataclass(frozen=True)
class Started:
    """What whoever shows progress wants to know as trials begin to run."""

    spec: SweepSpec
    record: tracking.Record
    ended: dict[int, State]
    at_once: int


def run(
    spec: SweepSpec,
    document: Document,
    *,
    tracking_uri: str | None = None,
    address: str | None = None,
    on_start: OnStart | None = None,
    run_trial: RunTrial | None = None,
) -> tracking.Record:
    """Run a new sweep to its end.

    Raises:
        tracking.SweepExists: there is one of this name.
        CannotRun: it runs elsewhere, or the cluster cannot hold one trial.
        KeyboardInterrupt: it was interrupted and can be resumed.
    """
    folder = home.folder(spec.name)
    uri = tracking_uri or home.local_tracking_uri()
    with _alone(folder), _ray(address, spec):
        if uri == home.local_tracking_uri():
            artifacts = str(home.home() / "artifacts" / spec.name)
        else:
            artifacts = None  # a server, or another store, has its own place for them
        record = tracking.open_sweep(uri, spec, document.text, digests(spec), artifacts)
        (folder / "sweep.yaml").write_text(document.text, encoding="utf-8")
        (folder / "tracking_uri").write_text(uri.split("@")[-1] if "@" in uri else uri)
        _fit(spec, record, folder, on_start, run_trial)
    return record


def resume(
    name: str,
    spec: SweepSpec,
    *,
    tracking_uri: str | None = None,
    address: str | None = None,
    on_start: OnStart | None = None,
    run_trial: RunTrial | None = None,
) -> tracking.Record:
    """Go on with a sweep that was interrupted, however: what has ended is not run again.

    Raises:
        CannotRun: there is no such sweep here, it runs elsewhere, or the cluster is too small.
    """
    uri = tracking_uri or home.local_tracking_uri()
    folder = home.folder(name)
    with _alone(folder), _ray(address, spec):
        record = tracking.find_sweep(uri, name)
        if record is None:
            raise CannotRun(
                f"no sweep named {name!r} is recorded in the tracking store: start it with "
                f"`sweep run`, or name its store with --tracking-uri."
            )
        _fit(spec, record, folder, on_start, run_trial)
    return record


def digests(spec: SweepSpec) -> dict[str, str]:
    """sha256 of every data set that a trial of the sweep may use."""
    found: dict[str, str] = {}
    for trial in spec.trials():
        found[f"alignment.{trial.alignment.data}"] = data.digest(trial.alignment.data)
        if trial.replay:
            found[f"replay.{trial.replay.data}"] = data.digest(trial.replay.data)
        for evaluator in trial.evaluators:
            found[f"evaluator.{evaluator.name}"] = evaluator.data_digest()
    return found


def _fit(
    spec: SweepSpec,
    record: tracking.Record,
    folder: Path,
    on_start: OnStart | None,
    run_trial: RunTrial | None,
) -> None:
    from ray import tune

    from sweep.search import ParetoSearch, ended, open_study
    from sweep.worker import Assignment, Worker, real_trial

    study = open_study(folder / "search.journal", spec)
    record.reopen(ended(study))
    endings: list[Ending] = []

    def on_end(ending: Ending) -> None:
        endings.append(ending)
        record.close_trial(ending)

    search = ParetoSearch(spec, study, spec.metrics(), on_end)
    at_once = _at_once(spec)
    started = Started(spec, record, ended(study), at_once)
    assignment = Assignment(
        record,
        run_trial or real_trial,
        checkpoints=folder / "checkpoints" if spec.checkpoints.resume else None,
        keep_models=spec.checkpoints.model,
    )
    take = {"cpu": spec.resources.cpus_per_trial, "gpu": spec.resources.gpus_per_trial}
    trainable = tune.with_resources(tune.with_parameters(Worker, assignment=assignment), take)
    tuner = tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            search_alg=search,
            num_samples=search.num_left,
            max_concurrent_trials=at_once,
            reuse_actors=True,
            trial_name_creator=_trial_name,
            trial_dirname_creator=_trial_name,
        ),
        run_config=tune.RunConfig(
            name="ray",
            storage_path=str(folder),
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            verbose=0,
            callbacks=on_start(started) if on_start else [],
        ),
    )
    if search.num_left:
        try:
            tuner.fit()
        except BaseException:
            record.close("KILLED")
            raise
    states = ended(study)
    if len(states) < spec.budget.trials and search.interrupted:
        record.close("KILLED")
        raise KeyboardInterrupt
    record.close("FINISHED" if "complete" in states.values() else "FAILED")


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
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            yield
    except Timeout:
        raise CannotRun(
            f"the sweep in {folder} is being run by another process: wait for it, or stop it first."
        ) from None


@contextmanager
def _ray(address: str | None, spec: SweepSpec) -> Iterator[None]:
    """A cluster that is there already, or one of our own on this machine for as long as we run."""
    os.environ.setdefault("RAY_TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    os.environ["TUNE_DISABLE_STRICT_METRIC_CHECKING"] = "1"
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    import ray

    own = not ray.is_initialized()
    if own and address:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    elif own:
        ray.init(
            address="local",
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    try:
        yield
    finally:
        if own:
            ray.shutdown()
