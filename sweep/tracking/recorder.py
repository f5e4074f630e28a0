"""What happens to trials, as entries of the record: a ray.tune Callback that only writes down."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray.tune import Callback

from analysis.record.names import Artifact, Group, Tag
from sweep.config import preflight
from sweep.samplers.base import RETRY_OF
from sweep.tracking.entries import Closed, Opened, Reported, Status, Tagged, now
from sweep.tracking.outbox import Outbox
from sweep.workers.checkpoints import CheckpointStores, checkpoint_name, model_name
from sweep.workers.result import FAULT, TrialResult
from trainables.config import TrialConfig
from trainables.schema.yaml_text import to_yaml

if TYPE_CHECKING:
    from mlflow.entities import Run

    from sweep.config.spec import SweepSpec
    from sweep.outcome import Outcome, State
    from sweep.tracking.mlflow_record import Record

log = logging.getLogger(__name__)

STATUS: dict[State, Status] = {"complete": "FINISHED", "pruned": "FINISHED", "failed": "FAILED"}
MAX_REASON_CHARS = 5000  # characters; MLflow takes 8,000 in a tag


@dataclass(frozen=True)
class AlreadyRecorded:
    """What the record of a sweep holds before this process begins.

    last_steps: trial number -> the last step of the trial that is recorded.
    has_base: whether the metrics of the base model are recorded.
    space_version: the version of the search space, see sweep/search/versions.py.
    digests: the sha256 of each data set, by the name that inputs.prepare gives it.
    """

    last_steps: Mapping[int, int] = field(default_factory=dict)
    has_base: bool = False
    space_version: int = 1
    digests: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, record: Record, space_version: int) -> AlreadyRecorded:
        """Read it from MLflow, all but the version."""
        return cls(record.last_steps(), record.knows_base(), space_version, record.digests())


class Recorder(Callback):  # type: ignore[misc]
    """Every report once: a trial that is run again from a checkpoint, or from its start, says again
    what it has said before.

    stores: where workers leave checkpoints and models, which are taken away here once a trial has
        ended, and not before.
    """

    def __init__(
        self,
        spec: SweepSpec,
        outbox: Outbox,
        already: AlreadyRecorded,
        stores: CheckpointStores,
    ) -> None:
        self._spec = spec
        self._outbox = outbox
        self._already = already
        self._last_steps = dict(already.last_steps)
        self._has_base = already.has_base
        self._stores = stores
        self._open: set[int] = set()

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks, but the outbox is the memory."""
        return {}

    def on_trial_start(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        number = trial.config["number"]
        tags = {Tag.ON_FRONT: "false", Tag.REASON: ""}
        opened = Opened(trial=number, at=now(), tags=tags)
        if FAULT not in trial.config:
            config = TrialConfig.model_validate(trial.config["trial"])
            if RETRY_OF in trial.config:
                tags[Tag.RETRY_OF] = str(trial.config[RETRY_OF])
            tags[Tag.SPACE_VERSION] = str(self._already.space_version)
            names = set(preflight.sets_of(config))
            update = {
                "tags": {Tag.ON_FRONT: "false"} | _columns(config) | tags,
                "params": {name: str(value) for name, value in config.flat().items()},
                "inputs": {n: d for n, d in self._already.digests.items() if n in names},
                "yaml": trial_yaml(config, self._spec.name, number),
            }
            opened = opened.model_copy(update=update)
        self._open.add(number)
        self._outbox.put(opened)

    def on_trial_result(
        self, iteration: int, trials: Any, trial: Any, result: dict[str, Any], **_: Any
    ) -> None:
        number, reported = trial.config["number"], TrialResult.of(result)
        if reported is None:
            return
        items = reported.items.take()
        step = reported.step
        if step is not None and step > self._last_steps.get(number, -1):
            self._last_steps[number] = step
            metrics = reported.recorded()
            self._put(number, step, metrics)
            if step == 0 and not self._has_base:
                self._has_base = True
                of_base = {n: v for n, v in metrics.items() if not n.startswith(Group.SYSTEM)}
                if items:  # first: by the metrics it is known that the base is recorded
                    self._outbox.attach(None, items, Artifact.ITEMS)
                self._put(None, 0, of_base)
        if reported.done:
            if items:
                self._outbox.attach(number, items, Artifact.ITEMS)
            if models := self._stores.models:
                with models.read(model_name(number)) as folder:
                    if folder is not None:
                        self._outbox.attach(number, folder, Artifact.MODEL, to=Artifact.MODEL)
                models.delete(model_name(number))
        if reported.failure:
            self.explain(number, reported.failure)

    def explain(self, number: int, failure: str) -> None:
        tags = {Tag.REASON: _reason(failure)}
        self._outbox.put(Tagged(trial=number, tags=tags))

    def close(self, ending: Outcome) -> None:
        """How a trial ended, once the search has been told."""
        tags: dict[str, str] = {Tag.STATE: ending.state}
        if ending.failure:
            tags[Tag.REASON] = _reason(ending.failure)
        status = STATUS[ending.state]
        self._open.discard(ending.number)
        self._outbox.put(Closed(trial=ending.number, at=now(), status=status, tags=tags))
        if checkpoints := self._stores.checkpoints:
            try:
                checkpoints.delete(checkpoint_name(ending.number))
            except Exception as error:  # of an object store; the trial has ended all the same
                log.warning("the checkpoint of trial %d is still there: %s", ending.number, error)

    def settle(self, endings: Iterable[Outcome], runs: Iterable[Run]) -> None:
        """Close in the record what has ended by the search's own memory, and what runs no more.

        The search is told first and the record second, so a kill between the two leaves such ones.
        """
        closed = {int(run.data.tags[Tag.TRIAL]): run for run in runs}
        for ending in endings:
            run = closed.pop(ending.number, None)
            if run is None or run.data.tags.get(Tag.STATE) != ending.state:
                self.close(ending)
        for number, run in closed.items():
            if run.info.status == "RUNNING":
                self._outbox.put(Closed(trial=number, at=now(), status="KILLED"))

    def close_sweep(self, status: Status, state: str) -> None:
        """The sweep has ended, `state` says how; trials left unfinished are marked as killed."""
        killed = [Closed(trial=n, at=now(), status="KILLED") for n in sorted(self._open)]
        tags = {Tag.STATE: state}
        self._outbox.put(*killed, Closed(trial=None, at=now(), status=status, tags=tags))

    def _put(self, number: int | None, step: int, metrics: dict[str, float]) -> None:
        metrics = {name: value for name, value in metrics.items() if math.isfinite(value)}
        self._outbox.put(Reported(trial=number, at=now(), step=step, metrics=metrics))


def _reason(failure: str) -> str:
    """As JSON and MLflow take it: a file name in an error message may be no text."""
    return failure[:MAX_REASON_CHARS].encode(errors="replace").decode()


def _columns(config: TrialConfig) -> dict[str, str]:
    """What tells trials apart, in columns of MLflow's table, which sorts them as text."""
    ratio = config.replay.ratio if config.replay else 0.0
    return {
        Tag.OBJECTIVE: config.objective.name,
        Tag.REGULARISER: config.regulariser.name,
        Tag.REPLAY: f"{ratio:.4f}",
        Tag.SEED: str(config.seed),
        Tag.FINGERPRINT: config.fingerprint(),
        Tag.DEEPSPEED: json.dumps(config.train.deepspeed()),
    }


def trial_yaml(config: TrialConfig, sweep: str, number: int) -> str:
    """A trial as a file that `python -m trainables run` takes."""
    head = f"# trial {number} of the sweep {sweep}\n"
    given = [config.model.path, config.alignment.data, config.replay.data if config.replay else ""]
    if any(Path(name).exists() and not Path(name).is_absolute() for name in given if name):
        head += f"# its relative paths are from {Path.cwd()}\n"
    return head + to_yaml(config.tree())
